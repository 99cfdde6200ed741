"""What a sentence tells in words: how often something is done, and how many there are."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind, Outcome
from execground_ray.verification.trees import key_of
from execground_ray.verification.window import Window

_CARDINALS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
_NONE = re.compile(r"\b(?:no|not|never|nothing|without|none)\b[^.;,]*$", re.IGNORECASE)
_ADJECTIVE = r"(?:(?:more|further|full|complete|loop|recursive|separate|whole|different|inner|outer|equal|nested|consecutive|successful) )*"
_ROUNDS = re.compile(
    rf"\b(?P<count>{'|'.join(_CARDINALS[2:])}|\d+|‹[VE]\d+›) {_ADJECTIVE}(?:rounds|iterations|passes|calls|repetitions)\b"
    r"|\b(?:runs?|ran|repeats?|repeated|executes?|executed|called|loops|iterates?|entered) twice\b",
    re.IGNORECASE,
)
_MANY = re.compile(
    rf"\b(?P<count>{'|'.join(_CARDINALS[3:])}) (?:tuples|lists|strings|elements|entries)\b", re.IGNORECASE
)
_APPROXIMATE = re.compile(
    r"\b(?:about|around|more than|at least|at most|up to|over|under|nearly|almost|less than|fewer than|other|or|next|last|first|remaining|another|these|those|of the)\s*$",
    re.IGNORECASE,
)


def check_counts(context: Context) -> Iterator[Check]:
    """Judge ``three rounds`` and ``five tuples`` in a sentence with lines of its own: so many there are."""
    window, whole = context.window, context.whole
    if window is None or whole is None or not context.cited or not window.complete:
        return
    for pattern, known in ((_ROUNDS, _repeated), (_MANY, _numbers)):
        for match in pattern.finditer(context.mask):
            wanted = _number(context, match["count"] or "two")
            before = context.mask[: match.start()]
            if wanted is None or _APPROXIMATE.search(before) or _NONE.search(before):
                continue
            good = wanted in known(window) or wanted in _rounds(whole)
            if good or not context.is_open:
                outcome = Outcome.SUPPORTED if good else Outcome.CONTRADICTED
                yield Check.of(context.sentence, Kind.COUNT, f"not so many: {match[0]}", outcome)


def _number(context: Context, words: str) -> int | None:
    if words.startswith("‹"):
        try:
            value = context.tokens(words)[0].value
        except UnknownError:
            return None
        return value if type(value) is int else None
    return int(words) if words.isdigit() else _CARDINALS.index(words.lower())


def _repeated(window: Window) -> set[int]:
    """How often anything is done there: rounds, one less or more as a text may tell one of them apart, and calls."""
    rounds = _rounds(window)
    frames = Counter(frame.name for frame in window.run.frames if frame.first in window.lines)
    times = Counter(key_of(event.node.func) for event in window.events if isinstance(event.node, ast.Call))
    return {count + more for count in rounds for more in (-1, 0, 1)} | {*frames.values(), *times.values()}


def _numbers(window: Window) -> set[int]:
    """Every number that can be told there."""
    times = Counter(id(event.node) for event in window.events)
    values = {number for number in window.numbers if isinstance(number, int)}
    constants = {each for each in window.run.constants if isinstance(each, int)}
    return {*times.values(), *values, *window.sizes, *_repeated(window), *window.run.literal_counts, *constants}


def _rounds(window: Window) -> set[int]:
    """How many rounds each run of a loop has: at these lines, altogether, and all runs of the loop together."""
    found = set()
    for loops in window.run.loops:
        inside = [sum(line in window.lines for line in looping.begun) for looping in loops]
        found |= {*inside, sum(inside), *(len(each.begun) for each, count in zip(loops, inside, strict=True) if count)}
    return found - {0}
