"""cheap_repr, through which snoop shows values: its registry, and the texts that stand for themselves in it.

It imports numpy and pandas to show their types: time and memory that every run would pay for, and few need.
"""

from __future__ import annotations

import sys

HIDDEN = [name for name in ("numpy", "pandas") if name not in sys.modules]
sys.modules.update(dict.fromkeys(HIDDEN))  # type: ignore[arg-type]
import cheap_repr as package  # noqa: E402
from cheap_repr import _DirectRepr as DirectRepr  # noqa: E402

for name in HIDDEN:
    del sys.modules[name]

__all__ = ["DirectRepr", "package"]
