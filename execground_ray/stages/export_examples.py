"""Export: verified reasoning goes in, the same rows come out with the user's message of the training row in ``prompt``.

A row that is longer than the trained model can take is rejected, not cut: a cut example loses its answer.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa

from execground_ray.config.schema import CHARACTERS, Export
from execground_ray.records import Problem, Reason, reject
from execground_ray.stages.verify_examples import VERIFIED_SCHEMA
from execground_ray.translators.llm.prompting import with_thinking
from execground_ray.translators.llm.tokens import chat_tokenizer

EXPORTED_SCHEMA = VERIFIED_SCHEMA.append(pa.field("prompt", pa.string()))


def export_rows(batch: pa.Table, export: Export) -> pa.Table:
    """Put the final form to a batch; rejected rows pass untouched."""
    return pa.Table.from_pylist([_export_row(row, export) for row in batch.to_pylist()], EXPORTED_SCHEMA)


def check_tokenizer(export: Export) -> None:
    """Make sure that the trained model's tokenizer is there, if it is to measure anything.

    Raises:
        ConfigError: it is not.
    """
    if export.max_tokens is not None and export.tokenizer not in (None, CHARACTERS):
        chat_tokenizer(export.tokenizer)


def training_prompt(problem: Problem, arguments: str) -> str:
    """Return the user's message: question, code, input and the task.

    Args:
        problem: the problem.
        arguments: of the call, a JSON object; shown as a Python dictionary, as the code will see it.
    """
    return _template().format(
        question=problem.question, code=problem.refcode.strip(), input=repr(json.loads(arguments))
    )


@cache
def _template() -> str:
    return (files("execground_ray.output") / "training_prompt.txt").read_text("utf-8")


def _export_row(row: dict[str, Any], export: Export) -> dict[str, Any]:
    if row["reason"]:
        return row | {"prompt": ""}
    row["prompt"] = training_prompt(Problem.from_json(row["problem"]), row["input"])
    row["text"] = with_thinking(row["thinking"], row["text"])
    if export.max_tokens is not None:
        length = _length(export.tokenizer or CHARACTERS, row["prompt"], row["text"])
        if length > export.max_tokens:
            unit = CHARACTERS if export.tokenizer == CHARACTERS else "tokens"
            detail = f"{row['locator']}: {length} {unit}, more than {export.max_tokens}"
            return reject(row, Reason.TOO_MANY_TOKENS, detail)
    return row


def _length(tokenizer: str, prompt: str, text: str) -> int:
    if tokenizer == CHARACTERS:
        return len(prompt) + len(text)
    return chat_tokenizer(tokenizer).row_tokens(prompt, text)
