"""Counts in words and digits: rounds of loops, calls, lengths: as many as there are at the lines of a sentence."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind, Outcome
from execground_ray.verification.run import Run
from execground_ray.verification.window import Window

_CARDINALS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
_NUMBER = rf"(?P<count>{'|'.join(_CARDINALS[2:])}|\d+|‹[VE]\d+›)"
_ADJECTIVE = r"(?:(?:more|further|full|complete|loop|recursive|separate|whole|different|inner|outer|equal|nested|consecutive|successful) )*"
_ROUNDS = re.compile(
    rf"\b{_NUMBER} {_ADJECTIVE}(?:rounds|iterations|passes|calls|repetitions|turns|loops)\b"
    r"|\b(?:runs?|ran|repeats?|repeated|executes?|executed|called|loops|iterates?|entered) (?P<twice>twice)\b",
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
    """Judge the counts of a sentence with lines of its own."""
    window, mask = context.window, context.sentence.mask
    if window is None or not context.cited or not window.complete:
        return
    for pattern, known in ((_ROUNDS, _repeated), (_MANY, _numbers)):
        for match in pattern.finditer(mask):
            wanted = _number(context, match.groupdict().get("count") or "two")
            if wanted is None or _APPROXIMATE.search(mask[: match.start()]):
                continue
            good = wanted in known(window) or wanted in round_counts(context.whole or window)
            if not good and (context.is_question or context.is_unreal):
                continue
            outcome = Outcome.SUPPORTED if good else Outcome.CONTRADICTED
            yield Check(
                Kind.COUNT, context.sentence.start, context.sentence.end, outcome, f"not so many: {match.group()}"
            )


def _number(context: Context, words: str) -> int | None:
    if words.isdigit():
        return int(words)
    if words.lower() in _CARDINALS:
        return _CARDINALS.index(words.lower())
    try:
        value = context.sentence.tokens[int(words[2:-1])].value
    except UnknownError:
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _sizes(window: Window) -> set[int]:
    return set(window.sizes) | {number for number in window.numbers if isinstance(number, int)}


def _repeated(window: Window) -> set[int]:
    """How often anything is done there: rounds, one less or more as a text may tell one of them apart, and calls."""
    rounds = set(round_counts(window))
    return rounds | {count - 1 for count in rounds} | {count + 1 for count in rounds} | set(call_counts(window))


def _numbers(window: Window) -> set[int]:
    """Every number that can be told there."""
    times = Counter(id(event.node) for event in window.events)
    return {*times.values(), *_sizes(window), *_repeated(window), *window.run.literal_counts, *window.run.numbers}


def round_counts(window: Window) -> list[int]:
    """How many rounds each run of a loop has: at these lines, altogether, and all runs of the loop together."""
    found = set()
    for loops in _loops(window.run).values():
        inside = [sum(line in window.lines for line in rounds) for rounds in loops]
        found |= {*inside, sum(inside), *(len(rounds) for rounds, count in zip(loops, inside, strict=True) if count)}
    return sorted(found - {0})


def _loops(run: Run) -> dict[int, list[list[int]]]:
    """By loop: for each time it ran, the record lines at which rounds began."""
    if run.loops is None:
        run.loops = _find_loops(run)
    return run.loops


def _find_loops(run: Run) -> dict[int, list[list[int]]]:
    found: dict[int, list[list[int]]] = defaultdict(list)
    loops = [node for node in ast.walk(run.tree) if isinstance(node, ast.For | ast.While)]
    begins = {id(_first(node.target) if isinstance(node, ast.For) else node.test): node for node in loops}
    starts = {id(node.iter): id(node) for node in loops if isinstance(node, ast.For)}
    running: dict[tuple[int, int], list[int]] = {}
    for event in run.events:
        running.pop((event.frame, starts.get(id(event.node), 0)), None)
        loop = begins.get(id(event.node))
        if loop is None:
            continue
        key = event.frame, id(loop)
        if key not in running:
            running[key] = []
            found[id(loop)].append(running[key])
        if isinstance(loop, ast.For) or event.outcome == 1:
            running[key].append(event.line)
        else:
            running.pop(key)
    return found


def _first(target: ast.expr) -> ast.expr:
    """The first name of a loop's target."""
    while isinstance(target, ast.Tuple | ast.List):
        target = target.elts[0]
    return target


def call_counts(window: Window) -> set[int]:
    """How many calls of each function there are at these lines."""
    frames = Counter(frame.name for frame in window.run.frames if frame.first in window.lines)
    calls = Counter(
        ast.dump(event.node.func) for event in window.by_type.get(ast.Call, ()) if isinstance(event.node, ast.Call)
    )
    return {*frames.values(), *calls.values()}
