"""Translate: executions go in, the same rows come out with the reasoning that explains them in ``text``.

Without a model, ``translate_rows`` does it by rules. With one, ``ask`` turns rows into questions, a processor of
``ray.data.llm`` answers them, and ``finish_rows`` turns the answers into rows again. On that way a whole row travels as
one JSON text, because the processor mixes rows of different columns, which turns integers into floats and leaves nulls.
A row that is rejected has a text in the column ``__inference_error__``: such a row passes every stage of a processor.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from execground_ray.records import Problem, Reason, reject
from execground_ray.stages.trace_execution import TRACED_SCHEMA
from execground_ray.translators.llm.prompting import Answer
from execground_ray.translators.template.writer import write_plain_reasoning

MODEL_COLUMNS = [
    ("thinking", pa.string()),  # what a model thought before it wrote the text; empty without thinking
    ("prompt_tokens", pa.int64()),  # read and written by the model, thinking included; 0 without one
    ("generated_tokens", pa.int64()),
]
TRANSLATED_SCHEMA = pa.schema([*TRACED_SCHEMA, ("text", pa.string()), *MODEL_COLUMNS])
NOT_TRANSLATED = {"text": "", "thinking": "", "prompt_tokens": 0, "generated_tokens": 0}

# The columns of a row on its way through a processor.
ROW, ERROR, ANSWER = "row", "__inference_error__", "answer"
TOO_LONG = ("maximum context length", "context_length_exceeded")  # what servers say of a prompt, as OpenAI's does
MOST_DETAIL = 500  # characters of what an engine or a server says about a failure


def translate_rows(batch: pa.Table) -> pa.Table:
    """Write the reasoning of a batch by rules, without a model; rejected rows pass untouched."""
    rows = [row | NOT_TRANSLATED | ({} if row["reason"] else _translate(row)) for row in batch.to_pylist()]
    return pa.Table.from_pylist(rows, TRANSLATED_SCHEMA)


def _translate(row: dict[str, Any]) -> dict[str, Any]:
    problem = Problem.from_json(row["problem"])
    text = write_plain_reasoning(
        problem.refcode, problem.funcname, json.loads(row["input"]), row["trace"], row["output"]
    )
    return {"text": text}


def ask(row: dict[str, Any], question: dict[str, Any]) -> dict[str, Any]:
    """Return ``row`` as a processor wants it: one text, beside the columns of the ``question``."""
    return {ROW: json.dumps(row), ERROR: row["reason"], **question}


def answered(row: str, answer: Answer, prompt_tokens: int, generated_tokens: int) -> dict[str, Any]:
    """Return what a processor gives for a row: the row as it was and the answer, each as one text."""
    fields = vars(answer) | {"prompt_tokens": prompt_tokens, "generated_tokens": generated_tokens}
    return {ROW: row, ERROR: "", ANSWER: json.dumps(fields)}


def finish_rows(batch: pa.Table, keep_thinking: bool) -> pa.Table:
    """Turn what a processor gave back into rows; those without a usable answer are marked as rejected."""
    rows = [_finish(result) for result in batch.to_pylist()]
    if not keep_thinking:
        rows = [row | {"thinking": ""} for row in rows]
    return pa.Table.from_pylist(rows, TRANSLATED_SCHEMA)


def _finish(result: dict[str, Any]) -> dict[str, Any]:
    row = json.loads(result[ROW]) | NOT_TRANSLATED
    if row["reason"]:
        return row
    if result[ERROR]:
        too_long = any(words in result[ERROR] for words in TOO_LONG)
        return _reject(row, Reason.PROMPT_TOO_LONG if too_long else Reason.ENGINE_ERROR, result[ERROR])
    answer = json.loads(result[ANSWER])
    row |= {name: answer[name] for name in NOT_TRANSLATED}
    if answer["reason"] == Reason.UNFINISHED:
        return _reject(row, Reason.UNFINISHED, f"no end after {answer['generated_tokens']} tokens")
    if answer["reason"]:
        return _reject(row, Reason(answer["reason"]), f"nothing but thinking in {answer['generated_tokens']} tokens")
    return row


def _reject(row: dict[str, Any], reason: Reason, detail: str) -> dict[str, Any]:
    return reject(row | {"text": "", "thinking": ""}, reason, f"{row['locator']}: {detail[:MOST_DETAIL]}")
