"""Verify: reasoning goes in, the same rows come out, scored; what is not true to the execution is rejected."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from execground_ray.records import Stage, map_rows
from execground_ray.verification.rows import RowVerifier

if TYPE_CHECKING:
    import pyarrow as pa

    from execground_ray.config.schema import Tracing, Verification


@lru_cache(maxsize=1)
def verifier_for(verification: Verification, tracing: Tracing, caged: bool) -> RowVerifier:
    """Return what verifies under these settings, always the same; its processes stay for as long as this one."""
    return RowVerifier(verification, tracing, caged=caged)


def verify_rows(batch: pa.Table, verification: Verification, tracing: Tracing, caged: bool) -> pa.Table:
    """Judge a batch; rows that are rejected already pass untouched."""
    return map_rows(Stage.VERIFY, batch, verifier_for(verification, tracing, caged).verify)
