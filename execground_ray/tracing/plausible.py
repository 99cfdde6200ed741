"""Whether what a program returns for an input that nobody recorded is an answer like the recorded ones."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

FEWEST_RECORDED = 0.5  # an output that says nothing is one if so many of the recorded ones are such


def is_plausible(output: Any, origin: Any, recorded: Sequence[Any], refcode: str) -> bool:
    """Tell whether an output is of the form of the recorded ones, and says as much as they do.

    Nothing is said by what is empty, zero, false or null, by what has only such parts, by -1, and by a text that
    stands in the program ("no solution"): such an output is plausible only if half of the recorded ones are such, and
    that of the input from which the new one was derived.

    Args:
        output: decoded from JSON.
        origin: the recorded output of the input from which the new one was derived.
        recorded: those of all inputs.
        refcode: the program.
    """
    if not _fits(output, recorded):
        return False
    texts = _texts_in(refcode)
    if not says_nothing(output, texts):
        return True
    if not says_nothing(origin, texts):
        return False
    return sum(says_nothing(each, texts) for each in recorded) >= FEWEST_RECORDED * len(recorded)


def says_nothing(output: Any, texts: frozenset[str]) -> bool:
    """See ``is_plausible``."""
    if isinstance(output, list | dict):
        return all(says_nothing(each, texts) for each in (output.values() if isinstance(output, dict) else output))
    return not output or output == -1 or (isinstance(output, str) and output in texts)


def _fits(value: Any, others: Sequence[Any]) -> bool:
    """Tell whether a value has the type of one of the others, and its parts those of their parts."""
    same = [other for other in others if type(other) is type(value)]
    if not same:
        return False
    if isinstance(value, list):
        items = [item for other in same for item in other]
        return not items or all(_fits(item, items) for item in value)
    if isinstance(value, dict):
        keys = {frozenset(other) for other in same}
        if len(keys) > 1:
            values = [item for other in same for item in other.values()]
            return all(_fits(item, values) for item in value.values())
        return frozenset(value) in keys and all(
            _fits(item, [other[key] for other in same]) for key, item in value.items()
        )
    return True


def _texts_in(refcode: str) -> frozenset[str]:
    """Return the texts that stand in a program."""
    nodes = ast.walk(ast.parse(refcode))
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
