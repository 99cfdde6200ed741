"""A server that speaks OpenAI's chat completions, in a process of its own, and misbehaves when a message says so.

``python chat_server.py PORT_FILE LOG_FILE`` serves on a free port, writes the port into the first file, and a JSON line
for each request into the second. What a message contains decides the answer; trouble that passes comes once a message,
and a file ``well`` beside the second ends that of ALWAYS500.
"""

import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

KEY = "secret-of-the-test"
MARKS = (
    "LIMITED",
    "BROKEN",
    "MALFORMED",
    "SLOW",
    "DROPPED",
    "ALWAYS500",
    "ALWAYSHTML",
    "TOOLONG",
    "CUT",
    "SILENT",
    "SPLIT",
)
ONCE = {
    "LIMITED": (429, '{"error": {"message": "slow down"}}', "application/json", {"Retry-After": "1"}),
    "BROKEN": (503, "upstream is gone", "text/plain"),
    "MALFORMED": (200, '{"choices": [{"mess'),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[Counter] = Counter()
    under_way = 0
    lock = threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        message = request["messages"][0]["content"]
        with Handler.lock:
            Handler.seen[message] += 1
            first = Handler.seen[message] == 1
            Handler.under_way += 1
            line = {"under_way": Handler.under_way, "path": self.path, "time": time.time(), "request": request}
            with Path(sys.argv[2]).open("a") as log:
                log.write(json.dumps(line) + "\n")
        try:
            self.answer(request, message, first)
        finally:
            with Handler.lock:
                Handler.under_way -= 1

    def answer(self, request, message, first):
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self.send(401, json.dumps({"error": {"message": f"wrong key {self.headers.get('Authorization')}"}}))
        mark = next((mark for mark in MARKS if mark in message), "")
        if mark == "TOOLONG":
            return self.send(
                400, json.dumps({"error": {"message": "This model's maximum context length is 10 tokens"}})
            )
        if mark == "ALWAYS500":
            if not Path(sys.argv[2]).with_name("well").exists():
                return self.send(500, json.dumps({"error": {"message": f"no luck with {KEY}"}}))
            time.sleep(0.2)  # so that requests meet
        if mark == "ALWAYSHTML":
            return self.send(200, "<html>busy</html>", "text/html")
        if first and mark == "DROPPED":
            return self.connection.close()
        if first and mark in ONCE:
            return self.send(*ONCE[mark])
        if first and mark == "SLOW":
            time.sleep(3)
        return self.send(200, json.dumps(completion(request, mark)))

    def send(self, status, body, kind="application/json", headers=None):
        data = body.encode()
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(data))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        """Keep stderr for what goes wrong."""


def completion(request, mark):
    message = {"role": "assistant", "content": "<think>hm</think>\n\nThe output is 4, so the answer is 4."}
    if mark == "SPLIT":
        message = {"role": "assistant", "reasoning_content": "hm, apart", "content": "The answer is 4."}
    if mark == "SILENT":
        message["content"] = "<think>hm</think>"
    if mark == "CUT":
        message["content"] = "<think>hm and hm and"
    return {
        "id": "1",
        "object": "chat.completion",
        "model": request["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "length" if mark == "CUT" else "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 7},
    }


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    unfinished = Path(sys.argv[1] + ".new")
    unfinished.write_text(str(server.server_address[1]))
    unfinished.replace(sys.argv[1])
    server.serve_forever()


if __name__ == "__main__":
    main()
