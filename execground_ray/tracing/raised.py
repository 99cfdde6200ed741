"""What a trace shows of an exception that is raised, in snoop's words.

!!! ValueError: invalid literal for int() with base 10: 'x'
!!! When calling: int(text)
"""

from __future__ import annotations

import ast
import traceback
from textwrap import dedent
from types import FrameType
from typing import Any

from executing import Source

SUBJECTS: dict[type[ast.AST], str] = {
    ast.Call: "calling",
    ast.Subscript: "subscripting",
    ast.Attribute: "getting attribute",
    ast.Compare: "comparing",
}


def exception_lines(frame: FrameType, exception: tuple[type, BaseException, Any]) -> list[str]:
    """Return the lines for the event ``exception`` of a frame, without their indentation."""
    said = "".join(traceback.format_exception_only(*exception[:2]))
    return [f"!!! {line}" for line in said.splitlines()] + _lines_of_node(frame)


def _lines_of_node(frame: FrameType) -> list[str]:
    """Say which expression raised it; nothing where that cannot be found out, as snoop does."""
    try:
        found = Source.executing(frame)
        node = found.decorator or found.node
        text = _text(found.source, node) if node else ""
    except Exception:
        return []
    if not node:
        return []
    words = SUBJECTS.get(type(node), "evaluating")
    if found.decorator:
        words, text = "calling decorator", f"@{text}"
    prefix = f"!!! When {words}: "
    first, *others = text.splitlines() or [""]
    return [prefix + first, *(" " * len(prefix) + other for other in others)]


def _text(source: Source, node: Any) -> str:
    texts = source.asttext()  # by the places in the tree: tokens, as snoop asks for them, take seconds for a large file
    text: str = texts.get_text(node) or "<unknown>"
    (_, column), _ = texts.get_text_positions(node, padded=False)
    return dedent(" " * column + text) if "\n" in text else text.strip()
