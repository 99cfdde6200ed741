"""A language model as translator: what those of the configuration share, around a processor of ``ray.data.llm``.

``asked`` turns a row into a question for the processor, ``answered`` is what it gives back, and ``finish_rows`` turns
that into rows again. On that way a whole row travels as one JSON text, because the processor mixes rows of different
columns, which turns integers into floats and leaves nulls. A row that is rejected, or has its text from an earlier
output, has a word in the column ``__inference_error__``: such a row passes every stage of a processor.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import ray

from execground_ray.records import COLUMNS, Reason, Row, Stage, passes, schema_after
from execground_ray.translators.llm.engine_log import start_engine_log
from execground_ray.translators.translator import Answer, Translator

if TYPE_CHECKING:
    from ray.data.llm import Processor  # heavy, and only runs with a model need it

PATIENCE_SECONDS = 7200.0  # nothing may come out while a large model is loaded and thinks about its first rows
# The columns of a row on its way through a processor.
ROW, ERROR, ANSWER = "row", "__inference_error__", "answer"
PASSES = "not asked"
TOO_LONG = ("maximum context length", "context_length_exceeded")  # what servers say of a prompt, as OpenAI's does
MOST_DETAIL = 500  # characters of what an engine or a server says about a failure


class LanguageModel(Translator):
    """A model that is known to be there."""

    patience_seconds = PATIENCE_SECONDS
    _log: Any = None  # of what the engines do, from ``start`` on

    def start(self) -> None:
        """Make sure that the cluster has what the model needs, and start to count.

        Raises:
            ConfigError: it has not; says what to change.
        """
        self._log = start_engine_log()

    def tokens(self) -> dict[str, Any]:
        """Return what the engines have read and written in this run, for ``summary.json``."""
        return ray.get(self._log.read.remote())


def asked(row: Row, question: Row) -> Row:
    """Return ``row`` as a processor wants it: one text, beside the columns of the ``question``."""
    return {ROW: json.dumps(row), ERROR: row["reason"] or (PASSES if passes(row, Stage.TRANSLATE) else ""), **question}


def answered(row: str, answer: Answer) -> Row:
    """Return what a processor gives for a row: the row as it was and the answer, each as one text."""
    return {ROW: row, ERROR: "", ANSWER: json.dumps(asdict(answer))}


def finish_rows(batch: pa.Table, keep_thinking: bool) -> pa.Table:
    """Turn what a processor gave back into rows; those without a usable answer are marked as rejected."""
    rows = [_finish(result) for result in batch.to_pylist()]
    if not keep_thinking:
        rows = [row | {"thinking": ""} for row in rows]
    return pa.Table.from_pylist(rows, schema_after(Stage.TRANSLATE, rows[0] if rows else ()))


def _finish(result: Row) -> Row:
    given = json.loads(result[ROW])
    if passes(given, Stage.TRANSLATE):
        return COLUMNS[Stage.TRANSLATE] | given
    row = given | COLUMNS[Stage.TRANSLATE]
    if result[ERROR]:
        too_long = any(words in result[ERROR] for words in TOO_LONG)
        reason = Reason.PROMPT_TOO_LONG if too_long else Reason.ENGINE_ERROR
        return Answer("", reason=reason, detail=result[ERROR][:MOST_DETAIL]).put_into(row)
    fields = json.loads(result[ANSWER])
    return Answer(**fields | {"reason": Reason(fields["reason"]) if fields["reason"] else None}).put_into(row)


def replace_stage(
    processor: Processor, stage: Callable[..., Any], arguments: dict[str, Any], resources: dict[str, Any]
) -> Processor:
    """Let the only stage of a processor run another class, with these arguments, and more on its resources."""
    [(name, original)] = processor.stages.items()
    processor.stages[name] = original.model_copy(  # setting the attributes would run Ray's validators once more
        update={
            "fn": stage,
            "fn_constructor_kwargs": arguments,
            "map_batches_kwargs": original.map_batches_kwargs | resources,
        }
    )
    return processor
