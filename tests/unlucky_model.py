"""A model behind a server on loopback: it writes what its prompt asks for, or first bad texts, if the problem says so.

The question of a problem tells its luck: ``Case 3. WRONG CUT.`` has a wrong answer at the first asking and one that is
cut off at the second. Which asking it is, the server knows by the seed: asked again with the same one, as after a job
that was killed, it gives the same answer again.
"""

import ast
import json
import re
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from execground_ray.translators.template.writer import write_reasoning

PROGRAM = """def main_solution(n):
    total = {number}
    for step in range(n):
        total += step * 2
    return total
"""
USAGE = {"prompt_tokens": 9, "completion_tokens": 5}


def problem(number, luck=""):
    """A problem as a record of a corpus."""
    return {
        "problem_description": f"Double the steps. Case {number}. {luck}.",
        "io_requirements": "n (int)",
        "refcode": PROGRAM.format(number=10 * number),
        "funcname": "main_solution",
        "ios": [{"input": {"n": 4}, "output": 10 * number + 12}],
    }


def luck_of(prompt):
    """The words behind the number of the case."""
    return re.search(r"Case \d+\. ([A-Z ]*)\.", prompt)[1].split()


def good_text(prompt):
    """What the prompt asks for, by the template, which sees nothing but the prompt."""
    code = re.search(r"```python\n(.*?)\n```", prompt, re.DOTALL)[1]
    arguments = ast.literal_eval(re.search(r"\nInput:\n(\{.*)\n", prompt)[1])
    lines = re.findall(r"^\[(\d+)\] (.*)$", prompt.partition("\nRecord:\n")[2], re.MULTILINE)
    assert [int(number) for number, _ in lines] == list(range(1, len(lines) + 1))
    trace = "\n".join(line for _, line in lines)
    return write_reasoning(code, "main_solution", arguments, trace, trace.rpartition(": ")[2])


def with_false_step(text):
    return re.sub(r"\+ 2 \* 2 = (\d+)", lambda found: f"+ 2 * 2 = {int(found[1]) + 1}", text, count=1)


BAD = {
    "WRONG": lambda text: f"{text.rpartition('`')[0].rpartition('`')[0]}`-1000000`",
    "FALSE": with_false_step,
    "EMPTY": lambda text: "",
    "CUT": lambda text: text[: len(text) // 2],
}


class UnluckyModel(ThreadingHTTPServer):
    """The server; ``asked`` has the requests for rows, each with the number of its asking.

    While ``withheld`` is the number of a case, its requests wait.
    """

    daemon_threads = True

    def __init__(self, seconds=0.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1/chat/completions"
        self.asked, self.seeds = [], defaultdict(list)
        self.seconds, self.lock = seconds, threading.Lock()
        self.withheld, self.given = None, threading.Event()

    def choice(self, request):
        """The answer to a request."""
        prompt = request["messages"][0]["content"]
        if "\nRecord:\n" not in prompt:
            return {"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
        with self.lock:
            if request["seed"] not in self.seeds[prompt]:
                self.seeds[prompt].append(request["seed"])
            asking = self.seeds[prompt].index(request["seed"])
            case = int(re.search(r"Case (\d+)", prompt)[1])
            self.asked.append(request | {"asking": asking, "case": case})
        if case == self.withheld:
            self.given.wait()
        time.sleep(self.seconds)
        luck = luck_of(prompt)
        kind = luck[asking] if asking < len(luck) else ""
        text = good_text(prompt)
        content = BAD[kind](text) if kind else text
        return {
            "message": {"role": "assistant", "content": content},
            "finish_reason": "length" if kind == "CUT" else "stop",
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"choices": [self.server.choice(request)], "usage": USAGE}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Keep stderr for what goes wrong."""


@contextmanager
def serve(seconds=0.0):
    """Serve for the length of a block; every answer takes so many seconds."""
    with UnluckyModel(seconds) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
