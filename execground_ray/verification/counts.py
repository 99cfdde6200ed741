"""Counts in words and digits: rounds of loops, calls, lengths."""

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
_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_CARDINAL = rf"(?:{'|'.join(_CARDINALS[1:])}|\d+|‹V\d+›|‹E\d+›)"
_ADJECTIVE = r"(?:(?:more|such|further|additional|full|complete|loop|recursive|separate|single|whole|different|inner|outer|remaining|equal|nested|similar|other|consecutive|successful|short|last|first|previous) )*"
_ROUNDS = re.compile(
    rf"\b(?P<count>{_CARDINAL}) {_ADJECTIVE}(?P<noun>rounds?|iterations?|passes|pass|calls?|repetitions?|turns?|loops)\b",
    re.IGNORECASE,
)
_RAN = re.compile(
    rf"\b(?:runs?|ran|repeats?|repeated|executes?|executed|called|loops|iterates?|entered|goes around)(?: \w+){{0,3}}? (?:(?P<count>{_CARDINAL}) times|(?P<twice>twice))\b",
    re.IGNORECASE,
)
_NTH = re.compile(
    rf"\b(?:the|this|its) (?P<ordinal>{'|'.join(_ORDINALS[1:])}) (?P<noun>round|iteration|pass|call)\b", re.IGNORECASE
)
_LENGTH = re.compile(
    rf"\b(?:lengths?|size)(?: of ‹\w+›)?(?: (?:is|of|=|equals|being))? (?:only |just |exactly |also |still |now )?(?P<count>‹V\d+›)(?! (?:times|more|less|‹))"
    rf"|\b(?:has|have|with|contains?|holds|is|are|of)(?: (?:only|just|exactly|now|still))? (?P<many>{_CARDINAL}) {_ADJECTIVE}(?P<noun>characters|letters|digits|elements|entries|numbers|items|words|keys|nodes|rows|columns|strings|values|integers|people|scores)(?! (?:of|from|that|which|in|are|remain|left|behind|before|after|at|above|below|between|per|or|larger|smaller|greater|less|with))\b",
    re.IGNORECASE,
)
_APPROXIMATE = re.compile(
    r"\b(?:about|around|more than|at least|at most|up to|over|under|nearly|almost|less than|fewer than|other|or|next|last|first|remaining|another|these|those|all|of the)\s*$",
    re.IGNORECASE,
)
MOST_EXACT = 400


def check_counts(context: Context) -> Iterator[Check]:
    """Judge the counts of a sentence; only those of a sentence with lines of its own can be wrong."""
    if context.window is None or context.whole is None:
        return
    for match in _ROUNDS.finditer(context.sentence.mask):
        yield from _rounds(context, match.span(), match["count"], match["noun"])
    for match in _RAN.finditer(context.sentence.mask):
        yield from _rounds(context, match.span(), match["count"] or "two", "times")
    for match in _NTH.finditer(context.sentence.mask):
        wanted = _ORDINALS.index(match["ordinal"].lower())
        most = max([*round_counts(context.whole), *call_counts(context.whole)], default=0)
        yield _check(context, wanted <= most or None, f"there is no {match.group()}")
    for match in _LENGTH.finditer(context.sentence.mask):
        yield from _length(context, match)


def _number(context: Context, words: str) -> int | None:
    words = words.lower()
    if words.isdigit():
        return int(words)
    if words in _CARDINALS:
        return _CARDINALS.index(words)
    token = context.sentence.tokens[int(words[2:-1])]
    try:
        value = token.value
    except UnknownError:
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _check(context: Context, good: bool | None, message: str) -> Check:
    sentence = context.sentence
    if good is False and (context.is_question or context.is_unreal or not context.cited):
        good = None
    outcome = {True: Outcome.SUPPORTED, False: Outcome.CONTRADICTED, None: Outcome.UNKNOWN}[good]
    return Check(Kind.COUNT, sentence.start, sentence.end, outcome, message)


def _rounds(context: Context, span: tuple[int, int], words: str, noun: str) -> Iterator[Check]:
    wanted = _number(context, words)
    window, whole = context.window, context.whole
    before = context.sentence.mask[: span[0]]
    if wanted is None or window is None or whole is None or _APPROXIMATE.search(before):
        return
    counts = set(round_counts(window)) | set(call_counts(window))
    counts |= set(round_counts(whole)) | set(call_counts(whole))
    if not counts:
        return
    # A program's own calls inside of what the record leaves out are not all counted: more than are seen is not known.
    most = max(counts)
    good = True if wanted in counts else (None if wanted > most and noun.startswith("call") else False)
    if wanted <= 1 or most > MOST_EXACT or _possible_sum(counts, wanted):
        good = good or None
    yield _check(context, good, f"{wanted} {noun}: there are {sorted(counts)[:8]}")


def _possible_sum(counts: set[int], wanted: int) -> bool:
    """Whether a count may be of two loops together, or one less for a round that is told apart."""
    return (wanted + 1 in counts and wanted > 1) or any(wanted - each in counts for each in counts if each > 1)


def round_counts(window: Window) -> list[int]:
    """How many rounds each run of a loop had, as far as they are at these lines; and of all runs together."""
    return sorted({count for loops in _loops(window.run).values() for count in _within(loops, window)})


def _within(loops: list[list[int]], window: Window) -> Iterator[int]:
    inside = [sum(1 for line in rounds if line in window.lines) for rounds in loops]
    yield from (count for count in inside if count)
    yield sum(inside)
    yield from (len(rounds) for rounds, count in zip(loops, inside, strict=True) if count)


def _loops(run: Run) -> dict[int, list[list[int]]]:
    """By loop: for each time it ran, the record lines at which rounds began."""
    if run.loops is not None:
        return run.loops
    found: dict[int, list[list[int]]] = defaultdict(list)
    loops = {id(node): node for node in ast.walk(run.tree) if isinstance(node, ast.For | ast.While)}
    targets = {id(node.target): key for key, node in loops.items() if isinstance(node, ast.For)}
    targets |= {id(node.test): key for key, node in loops.items() if isinstance(node, ast.While)}
    starts = {id(node.iter): key for key, node in loops.items() if isinstance(node, ast.For)}
    firsts = {
        id(each): key
        for key, node in loops.items()
        if isinstance(node, ast.For) and isinstance(node.target, ast.Tuple)
        for each in node.target.elts[:1]
    }
    open_loops: dict[tuple[int, int], list[int]] = {}
    for event in run.events:
        node, frame = id(event.node), event.frame
        if node in starts:
            open_loops.pop((frame, starts[node]), None)
        key = targets.get(node, firsts.get(node))
        if key is None:
            continue
        if (frame, key) not in open_loops:
            open_loops[frame, key] = []
            found[key].append(open_loops[frame, key])
        if isinstance(loops[key], ast.For) or event.outcome == 1:
            open_loops[frame, key].append(event.line)
        elif event.outcome == 0:
            open_loops.pop((frame, key))
    run.loops = found
    return found


def call_counts(window: Window) -> list[int]:
    """How many calls of each function begin at these lines."""
    counts = Counter(frame.name for frame in window.run.frames if frame.first in window.lines)
    calls = Counter(
        ast.dump(event.node.func) for event in window.by_type.get(ast.Call, ()) if isinstance(event.node, ast.Call)
    )
    return sorted({*counts.values(), *calls.values()})


def _length(context: Context, match: re.Match[str]) -> Iterator[Check]:
    wanted = _number(context, match["count"] or match["many"])
    if wanted is None or _APPROXIMATE.search(
        context.sentence.mask[: match.start("many" if match["many"] else "count")]
    ):
        return
    windows = [context.window] if context.cited else [context.window, context.whole]
    sizes = {size for window in windows if window for size in window.sizes}
    good: bool | None = wanted in sizes or (
        None if match["many"] or context.window is None or context.window.opaque else False
    )
    if good is False and wanted in {size + 1 for size in sizes} | {size - 1 for size in sizes} and not context.cited:
        good = None
    yield _check(context, good, f"nothing there is of length {wanted}")
