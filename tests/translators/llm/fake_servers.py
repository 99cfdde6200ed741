"""Servers on loopback, in this process, that refuse and fail as the real ones do, and what asks them without Ray."""

import asyncio
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from execground_ray.config.loading import load
from execground_ray.translators.llm.chat_transport import ApiKey, chat_url
from execground_ray.translators.llm.http_requests import ChatRequests
from execground_ray.translators.llm.questions import RequestForm, chat_request
from execground_ray.translators.llm.resampling import Resampler
from execground_ray.translators.llm.server_check import check_question

COMPLETION = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "It is 4."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 3},
}


@dataclass
class Server:
    """A running server: where it is, and what it was asked."""

    url: str
    asked: list[dict] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict] = field(default_factory=list)

    def messages(self):
        return [request["messages"][0]["content"] for request in self.asked]


@contextmanager
def serve(answer):
    """Serve ``answer(request, number)``: a status and body, and perhaps headers; None breaks the connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                server.asked.append(body)
                server.paths.append(self.path)
                server.headers.append(dict(self.headers))
                number = len(server.asked)
            given = answer(body, number)
            if given is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, said, *more = given
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(data))} | (more[0] if more else {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments):
            """Keep stderr for what goes wrong."""

    lock = threading.Lock()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = Server(f"http://127.0.0.1:{http.server_address[1]}/v1/chat/completions")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


def said(content, finish="stop", **message):
    """A completion with this content."""
    return {"choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}]}


def refusal(message, **error):
    return {"error": {"message": message, "type": "invalid_request_error", **error}}


def settings(server, *overrides):
    """The translator's settings for a server."""
    url = server.url if isinstance(server, Server) else server
    quick = ["translator.retry_wait_s=0.001", "translator.max_retries=1", "translator.attempts=1"]
    return load(["translator=http", f"translator.url='{url}'", *quick, *overrides]).translator


class Log:
    """In the place of the run's log: takes everything, keeps what ended."""

    def __init__(self):
        self.ended = []
        self.begin = SimpleNamespace(remote=lambda row_id, attempt: None)
        self.end = SimpleNamespace(remote=lambda *counts: self.ended.append(counts))


def ask_rows(translator, *batches, form=None, pause=0.0):
    """Ask for the rows of batches side by side, the questions given as texts; return the last answers of each batch.

    ``pause`` seconds lie between the beginnings of batches. A batch whose rows stay undone has the exception instead.
    """
    form = form or RequestForm()
    translator = translator.__class__(**vars(translator) | {"url": chat_url(translator.url)})

    async def run():
        resampler = Resampler(translator, 123, None)
        stage = ChatRequests("data", [], resampler, ApiKey(""), check_question(translator, form), Log())

        async def ask(number, batch):
            await asyncio.sleep(number * pause)
            rows = [
                {"id": f"{number}-{place}", "row": "{}", "payload": json.dumps(chat_request(translator, form, text, 1))}
                for place, text in enumerate(batch)
            ]
            [result] = [result async for result in stage({"data": rows})]
            return [json.loads(row["answer"])[-1]["answer"] for row in result["data"]]

        try:
            jobs = [ask(number, batch) for number, batch in enumerate(batches)]
            return await asyncio.gather(*jobs, return_exceptions=True)
        finally:
            if stage._session:
                await stage._session.close()

    return asyncio.run(run())
