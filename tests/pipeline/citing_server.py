"""A server whose model gives the template's texts, with the lines that they cite, true or with a mistake as asked."""

import ast
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from execground_ray.translators.template.writer import write_reasoning
from execground_ray.verification.citations import strip_citations

PROGRAM = """def main_solution(n):
    total = {number}
    for step in range(n):
        total += step * 2
    return total
"""
MARKS = ["", "", "WRONG", "UNMARKED", "UNCITED", "OTHERS"]


def problem(number, mark):
    return {
        "problem_description": f"Double the steps. Case {number}. {mark}",
        "io_requirements": "n (int)",
        "refcode": PROGRAM.format(number=10 * number),
        "funcname": "main_solution",
        "ios": [{"input": {"n": 4}, "output": 10 * number + 12}],
    }


def reasoning(prompt):
    """What the prompt asks for, by the template, which sees nothing but the prompt."""
    code = re.search(r"```python\n(.*?)\n```", prompt, re.DOTALL)[1]
    arguments = ast.literal_eval(re.search(r"\nInput:\n(\{.*)\n", prompt)[1])
    lines = re.findall(r"^\[(\d+)\] (.*)$", prompt.partition("\nRecord:\n")[2], re.MULTILINE)
    assert [int(number) for number, _ in lines] == list(range(1, len(lines) + 1))
    trace = "\n".join(line for _, line in lines)
    text = write_reasoning(code, "main_solution", arguments, trace, trace.rpartition(": ")[2])
    mark = re.search(r"Case \d+\. (\w*)", prompt)[1]
    if mark == "WRONG":
        return re.sub(r"\+ 2 \* 2 = (\d+)", lambda found: f"+ 2 * 2 = {int(found[1]) + 1}", text, count=1)
    if mark == "UNMARKED":
        return text.rpartition("\n\n")[0]
    if mark == "UNCITED":
        return strip_citations(text)
    if mark == "OTHERS":
        return re.sub(r"total = \d+|set to `\d+`", "set to `99`", text, count=1)
    return text


class Handler(BaseHTTPRequestHandler):
    """Answers one message after the other, and keeps them."""

    asked: list

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][0]["content"]
        self.asked.append(message)
        content = reasoning(message) if "Record:" in message else "Hello"
        choice = {"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Keep stderr for what goes wrong."""


@contextmanager
def citing_server():
    """Serve for the length of a block; yields the address and the messages that were asked."""
    asked = []
    kind = type("Asked", (Handler,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/chat/completions", asked
    finally:
        server.shutdown()
        server.server_close()
