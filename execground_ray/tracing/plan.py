"""What the recorder has to know of a program's expressions: written while the tree is rewritten, read while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """One target that has just been given a value, and where the value is to be had.

    Attributes:
        kind: ``name``, which is passed; ``given``, a part of a value seen before; ``item`` or ``attribute``, to be
            looked up in an object seen before.
        target: node id of the target.
        source: the position among what is passed, or the node id of what was seen before.
        detail: the path to the part, the node id of the key, or the attribute's name.
    """

    kind: str
    target: int
    source: int
    detail: Any = None


@dataclass
class Plan:
    """The tables; all numbers are node ids.

    Attributes:
        conditions: nodes of which the truth counts.
        follows: from a node whose value decides that of another one to how it does, and that other one; ``same`` has
            its value, ``and`` and ``or`` have it if that ends them, ``not`` has the opposite of its truth.
        walrus: from a named expression to its target.
        calls: the calls.
        kept: nodes whose value a note asks for.
        notes: the targets of each note.
    """

    conditions: set[int] = field(default_factory=set)
    follows: dict[int, tuple[str, int]] = field(default_factory=dict)
    walrus: dict[int, int] = field(default_factory=dict)
    calls: set[int] = field(default_factory=set)
    kept: set[int] = field(default_factory=set)
    notes: list[tuple[Entry, ...]] = field(default_factory=list)
