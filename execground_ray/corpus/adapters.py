"""Adapters: a record with the fields of its source comes in, one with those of ``Problem`` goes out.

An adapter renames and rearranges, and checks nothing: what is missing or of the wrong type in what it returns is found
afterwards, and named by the field of ``Problem``. To read a corpus of another layout, write its adapter here and allow
its name in ``config/schema.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Adapter = Callable[[dict[str, Any]], dict[str, Any]]

PYEDU = "pyedu"


def pyedu(record: dict[str, Any]) -> dict[str, Any]:
    """The layout of CodeI/O's PyEdu corpus (arXiv 2502.07316), which is that of ``Problem``."""
    return record


ADAPTERS: dict[str, Adapter] = {PYEDU: pyedu}
