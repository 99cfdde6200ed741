"""Verify: reasoning goes in, the same rows come out, scored; what is not true to the execution is rejected.

A text that the translator has had verified already brings its verdict along. With ``translator.fallback`` a row for
which a model has no usable text gets the template's, which is verified as any.
"""

from __future__ import annotations

import json
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from execground_ray.records import COLUMNS, Row, Stage, map_rows
from execground_ray.translators.template.translator import translate_row
from execground_ray.verification.rows import RowVerifier

if TYPE_CHECKING:
    import pyarrow as pa

    from execground_ray.config.schema import Tracing, Verification

ACCEPTED = {"stage": "", "reason": "", "detail": ""}


@lru_cache(maxsize=1)
def verifier_for(verification: Verification, tracing: Tracing, caged: bool) -> RowVerifier:
    """Return what verifies under these settings, always the same; its processes stay for as long as this one."""
    return RowVerifier(verification, tracing, caged=caged)


def verify_rows(
    batch: pa.Table, verification: Verification, tracing: Tracing, caged: bool, fallback: bool = False
) -> pa.Table:
    """Judge a batch; rows that are rejected already pass untouched.

    Args:
        batch: rows with texts.
        verification: how strict.
        tracing: the limits that the traces were written with.
        caged: whether programs run in the sandbox.
        fallback: whether a row for which the translator has no usable text gets the template's, if that is accepted.
    """
    verifier = verifier_for(verification, tracing, caged)
    if not fallback:
        return map_rows(Stage.VERIFY, batch, partial(_verify, verifier=verifier))
    return map_rows(Stage.VERIFY, batch, partial(_verify_or_fall_back, verifier=verifier), also=Stage.TRANSLATE)


def _verify(row: Row, verifier: RowVerifier) -> Row:
    return row | json.loads(row["verdict"]) if row["verdict"] else verifier.verify(row)


def _verify_or_fall_back(row: Row, verifier: RowVerifier) -> Row:
    judged = row if row["reason"] else _verify(row, verifier)
    if not judged["reason"]:
        return judged
    other = verifier.verify(translate_row(row | ACCEPTED | {"thinking": ""}) | COLUMNS[Stage.VERIFY])
    return judged if other["reason"] else other
