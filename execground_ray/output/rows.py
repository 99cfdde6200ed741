r"""The rows of a dataset as they stand in its files.

Every training row has the same keys and types, without nulls, because LLaMA-Factory loads the folder through
``datasets``, which fails on the first shard that differs. It guesses types: a column of dates would be none of texts::

    {"id": "0f3c…", "messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}],
     "source": "pyedu", "category": "…", "pair": 3, "derived_input": false, "input": "{\"n\": 2}",
     "output": "3", "trace_lines": 12, "answer_ok": true, "attributed": true, "evidence": true, "grounded": 1.0,
     "coverage": 1.0, "translator": "vllm", "attempts": 2}
    {"id": "0f3c…", "prompt": "…", "chosen": "…", "rejected": "…"}
    {"id": "5d1c…", "stage": "trace", "reason": "too_long", "detail": "pyedu.jsonl:12: 300 lines or more"}
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files

from execground_ray.python.values import read_json, written
from execground_ray.records import STDIN, Problem, Reason, Row, Stage
from execground_ray.verification.citations import strip_citations

# Arrow reads a column of JSON as times if all of its texts in a part of a file look so; then other parts do not fit.
TIME = re.compile(r"\d{4}-\d\d-\d\d([ T][\d:.]+)?(Z|[+-][\d:]+)?", re.ASCII)

QUESTION = """Here is a question. It names the variables that go in and come out:

{question}

----

This code answers the question:"""
CODE_ALONE = "Here is a program:"

# What ``records/`` tells of a row.
RECORD_COLUMNS = """
id locator stage reason detail problem pairs pair derived_input input output trace trace_lines trace_seconds
problem_rows reused text translator attempts prompt_tokens generated_tokens
answer_ok attributed evidence grounded coverage supported contradicted unknown untold findings
""".split()

EXECUTION = ("pair", "derived_input", "input", "output", "trace_lines")  # in a training row
SCORES = ("answer_ok", "attributed", "evidence", "grounded", "coverage")  # of the verification, in a training row


def is_rejected(reason: str) -> bool:
    """Whether a row with this reason is a reject; one that was only to be traced is none."""
    return reason not in ("", Reason.TRACED)


def ended_in(row: Row) -> Stage:
    """Return the stage that ended a row, the last one if none did.

    It is that of the reason, but for a text that was verified and found unfinished, which is a reason of ``TRANSLATE``.
    """
    stage = Stage(row["stage"]) if row["reason"] else Stage.EXPORT
    return Stage.VERIFY if stage is Stage.TRANSLATE and row.get("findings", "[]") != "[]" else stage


def training_prompt(problem: Problem, arguments: str) -> str:
    """Return the user's message: question, code, input and the task.

    Args:
        problem: the problem.
        arguments: of the call, a JSON object; shown as a Python dictionary, as the code will see it, or as the text
            that the program reads.
    """
    question = QUESTION.format(question=problem.question) if problem.question else CODE_ALONE
    shown = read_json(arguments)
    return _template(problem.layout == STDIN).format(
        question=question,
        code=problem.refcode.strip(),
        funcname=problem.funcname,
        input=written(shown["stdin"] if problem.layout == STDIN else shown),
    )


def training_row(row: Row) -> Row:
    """Return the row of ``train/`` for an accepted row; its ``attempts`` are those of a model, 0 if none was asked."""
    problem = Problem.from_json(row["problem"])
    return {
        "id": row["id"],
        "messages": [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["answer"]},
        ],
        "source": free_text(problem.source),
        "category": free_text(problem.category),
        **{name: row[name] for name in (*EXECUTION, *SCORES) if name in row},  # records of earlier versions know fewer
        "input": _shown(row["input"], problem),
        "output": _shown(row["output"], problem),
        "translator": row["translator"],
        **({"attempts": len(json.loads(row["attempts"]))} if "attempts" in row else {}),
    }


def preference_row(row: Row) -> Row:
    """Return the row of ``preference/`` for an accepted row before which the verification refused another text."""
    return {"id": row["id"], "prompt": row["prompt"], "chosen": row["answer"], "rejected": row["refused"]}


def refused_message(row: Row) -> tuple[str, str]:
    """Return thinking and text of the last attempt that the verification refused, without citations; empty if none.

    What differs from the accepted text in nothing but its citations is no worse for the reader, and none either.
    """
    for attempt in reversed(json.loads(row["attempts"])):
        if attempt["reason"] and attempt["findings"] is not None:
            text = strip_citations(attempt["text"], row["trace_lines"])
            same = text == strip_citations(row["text"], row["trace_lines"])
            return ("", "") if same or TIME.fullmatch(text) else (attempt["thinking"], text)
    return "", ""


def free_text(text: str) -> str:
    """Return a text of the source so that it stays one: as it is, or in quotes if a reader would take it for a time."""
    return json.dumps(text) if TIME.fullmatch(text) else text


def rejected_row(row: Row) -> Row:
    """Return the row of ``rejected/``."""
    return {name: row[name] for name in ("id", "stage", "reason", "detail")}


def json_line(row: Row) -> str:
    """Return the line of a shard, without its end."""
    return json.dumps(row, ensure_ascii=False)


def _shown(text: str, problem: Problem) -> str:
    """Return JSON as it is, or as Python writes the value, where the corpus has values of Python."""
    return written(read_json(text)) if problem.is_exact else text


@cache
def _template(by_stdin: bool) -> str:
    return (files(__package__) / f"training_prompt{'_stdin' if by_stdin else ''}.txt").read_text("utf-8")
