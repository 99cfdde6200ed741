"""No translation: ``translator=none`` stops after tracing, and a later run, with ``source=dataset``, translates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from execground_ray.records import Reason, Row, Stage, map_rows
from execground_ray.translators.translator import Translator

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

    from execground_ray.config.schema import NoTranslator
    from execground_ray.translators.translator import MakeReferee


class NoTranslation(Translator):
    """Ends each row that has no text; also in the place of a model that no row needs."""

    def __init__(self, translator: NoTranslator | None = None, seed: int = 0) -> None:
        """Make it; there is nothing to set."""

    def translate(self, rows: Dataset, task: dict[str, Any], make_referee: MakeReferee | None = None) -> Dataset:
        """Add one stage; there is nothing to judge."""
        return rows.map_batches(stop_rows, **task)


def stop_rows(batch: pa.Table) -> pa.Table:
    """End the rows of a batch; those that are rejected or have a text pass untouched."""
    return map_rows(Stage.TRANSLATE, batch, _stop)


def _stop(row: Row) -> Row:
    return row | {"stage": Reason.TRACED.stage.value, "reason": Reason.TRACED.value}
