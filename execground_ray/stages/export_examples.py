"""Export: verified reasoning goes in, the same rows come out with the two messages of the training row.

A row that is longer than the trained model can take is rejected, not cut: a cut example loses its answer.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from execground_ray.config.schema import CHARACTERS, Export
from execground_ray.output.rows import training_prompt
from execground_ray.records import Problem, Reason, Row, Stage, map_rows, reject
from execground_ray.translators.llm.prompting import with_thinking
from execground_ray.translators.llm.tokens import chat_tokenizer
from execground_ray.verification.citations import strip_citations

if TYPE_CHECKING:
    import pyarrow as pa


def export_rows(batch: pa.Table, export: Export) -> pa.Table:
    """Put the final form to a batch; rejected rows pass untouched."""
    return map_rows(Stage.EXPORT, batch, partial(_export_row, export=export))


def check_tokenizer(export: Export) -> None:
    """Make sure that the trained model's tokenizer is there, if it is to measure anything.

    Raises:
        ConfigError: it is not.
    """
    if export.max_tokens is not None and export.tokenizer not in (None, CHARACTERS):
        chat_tokenizer(export.tokenizer)


def _export_row(row: Row, export: Export) -> Row:
    row["prompt"] = training_prompt(Problem.from_json(row["problem"]), row["input"])
    row["answer"] = with_thinking(row["thinking"], strip_citations(row["text"], row["trace_lines"]))
    if export.max_tokens is not None:
        length = _length(export.tokenizer or CHARACTERS, row["prompt"], row["answer"])
        if length > export.max_tokens:
            unit = CHARACTERS if export.tokenizer == CHARACTERS else "tokens"
            return reject(row, Reason.TOO_MANY_TOKENS, f"{length} {unit}, more than {export.max_tokens}")
    return row


def _length(tokenizer: str, prompt: str, text: str) -> int:
    if tokenizer == CHARACTERS:
        return len(prompt) + len(text)
    return chat_tokenizer(tokenizer).row_tokens(prompt, text)
