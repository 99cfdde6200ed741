"""Verify: reasoning goes in, the same rows come out, scored; what is not true to the execution is rejected."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from execground_ray.records import Stage, map_rows
from execground_ray.verification.rows import verify_row

if TYPE_CHECKING:
    import pyarrow as pa

    from execground_ray.config.schema import Verification


def verify_rows(batch: pa.Table, verification: Verification) -> pa.Table:
    """Judge a batch; rows that are rejected already pass untouched."""
    return map_rows(Stage.VERIFY, batch, partial(verify_row, verification=verification))
