"""A language model as translator: what those of the configuration share, around a processor of ``ray.data.llm``.

``asked`` turns a row into a question for the processor, ``read_result`` is what it gives back, and ``finish_rows``
turns that into rows again. On that way a whole row travels as one JSON text, because the processor mixes rows of
different columns, which turns integers into floats and leaves nulls. A row that is rejected, or has its text from an
earlier output, has a word in the column ``__inference_error__``: such a row passes every stage of a processor.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import ray

from execground_ray.records import COLUMNS, Row, Stage, passes, schema_after
from execground_ray.translators.llm.engine_log import start_engine_log
from execground_ray.translators.llm.resampling import read_attempts
from execground_ray.translators.translator import Translator

if TYPE_CHECKING:
    from ray.data.llm import Processor  # heavy, and only runs with a model need it

PATIENCE_SECONDS = 7200.0  # nothing may come out while a large model is loaded and thinks about its first rows
# The columns of a row on its way through a processor.
ROW, ERROR, ANSWER = "row", "__inference_error__", "answer"
PASSES = "not asked"


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


def read_result(row: Row) -> Row:
    """Return of a row that has passed a processor the row as it was and its attempts, each as one text."""
    return {name: row[name] for name in (ROW, ERROR, ANSWER)}


def finish_rows(batch: pa.Table, translator: str, keep_thinking: bool) -> pa.Table:
    """Turn what a processor gave back into rows; those without a usable answer are marked as rejected.

    Args:
        batch: results.
        translator: the kind of it, for the rows.
        keep_thinking: whether the rows keep what the model thought.
    """
    rows = [_finish(result, translator, keep_thinking) for result in batch.to_pylist()]
    return pa.Table.from_pylist(rows, schema_after(Stage.TRANSLATE, rows[0] if rows else ()))


def _finish(result: Row, translator: str, keep_thinking: bool) -> Row:
    given = json.loads(result[ROW])
    if passes(given, Stage.TRANSLATE):
        return COLUMNS[Stage.TRANSLATE] | given
    row = given | COLUMNS[Stage.TRANSLATE]
    attempts = read_attempts(result[ANSWER])
    told = [attempt.told(row["locator"]) for attempt in attempts]
    if not keep_thinking:
        told = [attempt | {"thinking": ""} for attempt in told]
    row |= {name: sum(attempt[name] for attempt in told) for name in ("prompt_tokens", "generated_tokens")}
    row |= {"attempts": json.dumps(told), "verdict": json.dumps(attempts[-1].verdict) if attempts[-1].verdict else ""}
    row = attempts[-1].answer.put_into(row, translator)
    return row if keep_thinking else row | {"thinking": ""}


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
