"""Values of Python in JSON: those that JSON has not are objects with one key that says what they are.

``(1, {2: "a"})`` is ``{"__python__": "tuple", "of": [1, {"__python__": "dict", "of": [[2, "a"]]}]}``. A dictionary that
has that key itself is written likewise, so that no value is taken for another. ``tracing.values.to_json`` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

TAG, CONTENT = "__python__", "of"


class Expression(str):
    """The source of a value that is no literal; only the run, in its cage, evaluates it."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the source, as a program would write it."""
        return str(self)


def tagged(kind: str, content: Any) -> dict[str, Any]:
    """Return what stands for a value of a kind of ``KINDS``."""
    return {TAG: kind, CONTENT: content}


def read_json(text: str) -> Any:
    """Return the value that JSON text stands for.

    Raises:
        ValueError: it is no JSON, or stands for no value.
    """
    return json.loads(text, object_hook=_read)


def written(value: Any) -> str:
    """Return a value as Python writes it, the members of a set in the order of their texts: theirs is of chance."""
    kind = type(value)
    if kind is dict:
        return "{" + ", ".join(f"{written(key)}: {written(item)}" for key, item in value.items()) + "}"
    if kind not in (list, tuple, set, frozenset) or not value:
        return repr(value)
    items = [written(item) for item in value]
    if kind is list:
        return f"[{', '.join(items)}]"
    if kind is tuple:
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    members = "{" + ", ".join(sorted(items)) + "}"
    return members if kind is set else f"frozenset({members})"


KINDS: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
    "bytes": lambda text: text.encode("latin-1"),
    "complex": lambda parts: complex(*parts),
    "expression": Expression,
}


def _read(found: dict[str, Any]) -> Any:
    if TAG not in found:
        return found
    try:
        return KINDS[found[TAG]](found[CONTENT])
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"no value of Python: {type(error).__name__}: {error}") from None
