"""The template as a translator: ``translator=template``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from execground_ray.python.values import read_json
from execground_ray.records import STDIN, Problem, Row, Stage, map_rows
from execground_ray.translators.template.writer import write_reasoning
from execground_ray.translators.translator import Answer, Translator

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

    from execground_ray.config.schema import TemplateTranslator
    from execground_ray.translators.translator import MakeReferee

TEMPLATE = "template"


class Template(Translator):
    """Reasoning by rule."""

    def __init__(self, translator: TemplateTranslator, seed: int) -> None:
        """Make it; there is nothing to set, and nothing left to chance."""

    def translate(self, rows: Dataset, task: dict[str, Any], make_referee: MakeReferee | None = None) -> Dataset:
        """Add one stage; it would write the same text again, whoever refuses it."""
        return rows.map_batches(translate_rows, **task)


def translate_rows(batch: pa.Table) -> pa.Table:
    """Write the reasoning of a batch; rejected rows pass untouched."""
    return map_rows(Stage.TRANSLATE, batch, translate_row)


def translate_row(row: Row) -> Row:
    """Write the reasoning of one row."""
    problem = Problem.from_json(row["problem"])
    arguments = {} if problem.layout == STDIN else read_json(row["input"])
    text = write_reasoning(problem.refcode, problem.funcname, arguments, row["trace"], row["output"])
    return Answer(text).put_into(row, TEMPLATE)
