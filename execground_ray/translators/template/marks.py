"""Marks values and expressions in a sentence as code."""

from __future__ import annotations

import re

_TICKS = re.compile(r"`+")


def code(text: str) -> str:
    """Set a text in code marks, in longer ones where it has such marks itself, as Markdown has it.

    Args:
        text: A value, a name or an expression.
    """
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    if not longest:
        return f"`{text}`"
    marks, space = "`" * (longest + 1), " " if "`" in (text[0], text[-1]) else ""
    return f"{marks}{space}{text}{space}{marks}"
