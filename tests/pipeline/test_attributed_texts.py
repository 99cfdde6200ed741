"""Texts that cite lines, from a server, through the whole job: judged by the run, citations taken out, and kept."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow.parquet as pq
import pytest
from unlucky_model import good_text, luck_of, problem, with_false_step

from execground_ray.verification.citations import strip_citations

MARKS = ["", "", "WRONG", "UNMARKED", "UNCITED", "OTHERS"]


def reasoning(prompt):
    """What the prompt asks for, or what its problem's mark makes of it."""
    text = good_text(prompt)
    mark = "".join(luck_of(prompt))
    if mark == "WRONG":
        return with_false_step(text)
    if mark == "UNMARKED":
        return text.rpartition("\n\n")[0]
    if mark == "UNCITED":
        return strip_citations(text)
    if mark == "OTHERS":
        return re.sub(r"total = \d+|set to `\d+`", "set to `99`", text, count=1)
    return text


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][0]["content"]
        content = reasoning(message) if "Record:" in message else "Hello"
        choice = {"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Keep stderr for what goes wrong."""


@pytest.fixture(scope="module")
def output(start_job, tmp_path_factory):
    folder = tmp_path_factory.mktemp("attributed")
    lines = [json.dumps(problem(number, mark)) for number, mark in enumerate(MARKS, 1)]
    (folder / "problems.jsonl").write_text("\n".join(lines))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    job = start_job(
        "source=jsonl",
        f"source.path={folder}/problems.jsonl",
        f"output.dir={folder}/out",
        "translator=http",
        f"translator.url=http://127.0.0.1:{server.server_port}/v1/chat/completions",
        "cluster.num_cpus=2",
        "tracing.workers=1",
    )
    ended = job.wait()
    server.shutdown()
    server.server_close()
    assert ended.code == 0, ended.stderr
    return folder / "out"


def rows(folder):
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def test_true_texts_are_accepted_without_their_citations(output):
    accepted = rows(output / "train")
    assert sorted(row["attributed"] for row in accepted) == [False, True, True]
    for row in accepted:
        text = row["messages"][1]["content"]
        assert not re.search(r"\[\d", text)
        assert text.endswith(f"**Final output:** `{row['output']}`")
        assert (row["evidence"], row["answer_ok"], row["grounded"]) == (True, True, 1.0)
        assert row["coverage"] == (1.0 if row["attributed"] else 0.0)


def test_the_records_keep_them(output):
    kept = [row for path in (output / "records").iterdir() for row in pq.read_table(path).to_pylist() if row["text"]]
    accepted = {row["id"]: row for row in rows(output / "train")}
    assert len(kept) == len(MARKS)
    for row in kept:
        assert bool(re.search(r" \[\d+", row["text"])) == row["attributed"]
        if row["id"] in accepted:
            assert strip_citations(row["text"], row["trace_lines"]) == accepted[row["id"]]["messages"][1]["content"]


def test_a_mistake_or_a_missing_last_line_is_rejected_with_its_reason(output):
    found = {row["detail"].partition(": ")[2]: row["reason"] for row in rows(output / "rejected")}
    assert sorted(found.values()) == ["unfinished", "ungrounded", "ungrounded"]
    assert any("99" in detail for detail in found)


def test_the_summary_counts_what_cites_nothing(output):
    summary = json.loads((output / "summary.json").read_text())
    assert (summary["examples_not_attributed"], summary["examples_without_evidence"]) == (1, 0)
