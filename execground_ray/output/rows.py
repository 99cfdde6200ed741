r"""The rows of a dataset as they stand in its files.

Every training row has the same keys and types, without nulls, because LLaMA-Factory loads the folder through
``datasets``, which fails on the first shard that differs. It guesses types: a column of dates would be none of texts::

    {"id": "0f3c…", "messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}],
     "source": "pyedu", "category": "…", "pair": 3, "input": "{\"n\": 2}", "output": "3", "trace_lines": 12,
     "answer_ok": true, "attributed": true, "evidence": true, "grounded": 1.0, "coverage": 1.0,
     "translator": "template"}
    {"id": "5d1c…", "stage": "trace", "reason": "too_long", "detail": "pyedu.jsonl:12: 300 lines or more"}
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files

from execground_ray.records import Problem, Row

# Arrow reads a column of JSON as times if all of its texts in a part of a file look so; then other parts do not fit.
TIME = re.compile(r"\d{4}-\d\d-\d\d([ T][\d:.]+)?(Z|[+-][\d:]+)?", re.ASCII)

# What ``records/`` tells of a row.
RECORD_COLUMNS = """
id locator stage reason detail problem pairs pair input output trace trace_lines trace_seconds
problem_rows reused text thinking prompt_tokens generated_tokens
answer_ok attributed evidence grounded coverage supported contradicted unknown untold findings
""".split()

SCORES = ("answer_ok", "attributed", "evidence", "grounded", "coverage")  # of the verification, in a training row


def training_prompt(problem: Problem, arguments: str) -> str:
    """Return the user's message: question, code, input and the task.

    Args:
        problem: the problem.
        arguments: of the call, a JSON object; shown as a Python dictionary, as the code will see it.
    """
    return _template().format(
        question=problem.question, code=problem.refcode.strip(), input=repr(json.loads(arguments))
    )


def training_row(row: Row, translator: str) -> Row:
    """Return the row of ``train/`` for an accepted row and who wrote its reasoning."""
    problem = Problem.from_json(row["problem"])
    return {
        "id": row["id"],
        "messages": [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["answer"]},
        ],
        "source": free_text(problem.source),
        "category": free_text(problem.category),
        "pair": row["pair"],
        "input": row["input"],
        "output": row["output"],
        "trace_lines": row["trace_lines"],
        **{name: row[name] for name in SCORES if name in row},  # records of earlier versions know fewer
        "translator": translator,
    }


def free_text(text: str) -> str:
    """Return a text of the source so that it stays one: as it is, or in quotes if a reader would take it for a time."""
    return json.dumps(text) if TIME.fullmatch(text) else text


def rejected_row(row: Row) -> Row:
    """Return the row of ``rejected/``."""
    return {name: row[name] for name in ("id", "stage", "reason", "detail")}


def json_line(row: Row) -> str:
    """Return the line of a shard, without its end."""
    return json.dumps(row, ensure_ascii=False)


@cache
def _template() -> str:
    return (files(__package__) / "training_prompt.txt").read_text("utf-8")
