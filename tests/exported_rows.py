"""Rows as the stages before the write hand them over."""

import pyarrow as pa
from problem_lines import problem_line

from execground_ray.records import COLUMNS, Stage, schema_after


def block(*rows, stage=Stage.EXPORT):
    """A block as ``stage`` hands it over; every row is given by what is special about it."""
    usual = {name: blank for columns in COLUMNS.values() for name, blank in columns.items()}
    usual |= {"problem": problem_line(1), "input": '{"n": 1}', "output": "2"}
    usual |= {"prompt": "question", "text": "answer", "answer": "answer", "translator": "template"}
    return pa.Table.from_pylist([usual | row for row in rows], schema_after(stage))


def rejected(identity):
    return {"id": identity, "stage": "trace", "reason": "too_long", "detail": "f:1: long", "problem": "", "prompt": ""}
