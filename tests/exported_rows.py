"""Rows as the stages before the write hand them over."""

import pyarrow as pa
from problem_lines import problem_line

from execground_ray.stages.export_examples import EXPORTED_SCHEMA

EMPTY = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0, pa.bool_(): False}


def block(*rows):
    """A block as the stages before hand it over; every row is given by what is special about it."""
    usual = {field.name: EMPTY[field.type] for field in EXPORTED_SCHEMA}
    usual |= {"problem": problem_line(1), "prompt": "question", "text": "answer", "input": '{"n": 1}', "output": "2"}
    return pa.Table.from_pylist([usual | row for row in rows], EXPORTED_SCHEMA)


def rejected(identity):
    return {"id": identity, "stage": "trace", "reason": "too_long", "detail": "f:1: long", "problem": "", "prompt": ""}
