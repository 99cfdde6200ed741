"""What no sentence tells: statements of the record, and what they change.

A text that goes step by step leaves none out. A step is left out where no sentence cites it, and where it alone of all
rounds is told without what it changes; a sentence that cites it and knows only what was there before contradicts it.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterator
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.context import Check, Context
from execground_ray.verification.equations import THEN
from execground_ray.verification.finding import Finding, Kind, Outcome
from execground_ray.verification.notation import Side
from execground_ray.verification.recorded import Frame
from execground_ray.verification.run import Change, Run
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import CACHED, grouped, nodes_in
from execground_ray.verification.values import fits, freeze

MOST_SHOWN = 5  # lines in a message
OTHER_TIMES = 2  # that what a statement changes is told, before the one time that it is not is seen


class Telling:
    """What one sentence tells, and of which statements.

    Attributes:
        cited: The record lines of the statements that it cites.
        near: Those, and what is beside them.
        said: The equations that give a variable a value.
        names: The variables that it marks.
        keys: Keys of the values that it marks.
    """

    def __init__(self, context: Context) -> None:
        """See the class."""
        self.context = context
        window = context.window if context.cited else None
        self.cited = frozenset(window.core_statements if window else ())
        self.near = frozenset(window.statements if window else ())
        self.said: dict[str, list[tuple[Side, Token]]] = defaultdict(list)
        self.names: set[str] = set()
        self.keys: set[Hashable] = set()
        equations = [(token, sides) for token in context.sentence.tokens for sides in token.equations]
        for token, sides in equations:
            for side in sides:
                names, keys = _written_in(side)
                self.names |= names
                self.keys |= keys
                if len(sides) > 1 and isinstance(side.node, ast.Name | ast.Attribute):
                    self.said[ast.unparse(side.node)].append((side, token))

    def has(self, change: Change) -> bool:
        """Whether it has the value, or goes over it: "`i = 2` up to `i = 5`"."""
        return freeze(change.value) in self.keys or any(
            type(change.value) is int and low < change.value < high and name in {"", change.name}
            for name, low, high in self._ranges
        )

    def cites_whole(self, frame: Frame) -> bool:
        """Whether it cites a call from its first line to its last."""
        window = self.context.window
        return window is not None and {frame.first, frame.last} <= window.core

    @cached_property
    def _ranges(self) -> list[tuple[str, int, int]]:
        """Of what, if that is said, and its bounds."""
        found = []
        for first, last in self.context.ranges:
            with suppress(UnknownError):
                bounds = first.value, last.value
                name = ast.unparse(last.sides[0].node) if len(last.sides) > 1 else ""
                found += [(name, min(bounds), max(bounds))] if {*map(type, bounds)} == {int} else []
        return found


class Untold:
    """Holds all sentences of a text that cites against the statements of a run."""

    def __init__(self, run: Run, contexts: list[Context]) -> None:
        """See the class."""
        self._run = run
        self._tellings = [Telling(context) for context in contexts]
        self._citing: dict[int, list[int]] = defaultdict(list)
        for place, telling in enumerate(self._tellings):
            for line in telling.cited:
                self._citing[line].append(place)

    @cached_property
    def statements(self) -> list[int]:
        """Those that are left out: their record lines. What a library does inside, nobody has to tell."""
        left_out = {change.line for change in self._left_out()}
        return [line for line in self._own if line in left_out or not (line in self._citing or self._is_near(line))]

    @cached_property
    def share(self) -> float:
        """Of the statements that are told."""
        return 1 - len(self.statements) / max(1, len(self._own))

    @cached_property
    def _own(self) -> list[int]:
        run = self._run
        shown = dict.fromkeys(run.owners[line] for line in run.statements)
        return [line for line in shown if run.frame_of[line - 1] not in run.foreign]

    def _is_near(self, line: int) -> bool:
        """Whether a sentence that cites lines beside it tells what it changes, or else names any of its variables.

        A citation may be too narrow.
        """
        if line in self._run.incomplete:
            return False
        near = [telling for telling in self._tellings if line in telling.near]
        if changes := self._changes.get(line):
            return any(telling.has(change) for telling in near for change in changes)
        nodes = [event.node for event in self._run.events_at(line)]
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        return any(not (names and names.isdisjoint(telling.names)) for telling in near)

    @cached_property
    def _changes(self) -> dict[int, list[Change]]:
        return grouped(self._run.changes, lambda change: change.line)

    def findings(self) -> Iterator[Finding]:
        """What is left out, at the sentence that cites it, or the one that cites what is before it."""
        for place, lines in grouped(self.statements, self._place).items():
            sentence = self._tellings[place].context.sentence
            more = ", …" if len(lines) > MOST_SHOWN else ""
            message = f"[{', '.join(map(str, lines[:MOST_SHOWN]))}{more}] is left out"
            ranges = tuple((line, line) for line in lines)
            yield Finding(Kind.UNTOLD, sentence.start, sentence.end, message, Outcome.UNKNOWN, ranges)

    def _place(self, line: int) -> int:
        """The sentence that cites the last line up to this one; the first of several."""
        last = bisect_right(self._cited, line) - 1
        return self._citing[self._cited[last]][0] if last >= 0 else 0

    @cached_property
    def _cited(self) -> list[int]:
        return sorted(self._citing)

    def _left_out(self) -> Iterator[Change]:
        """Values that are not told, where all others that the same statement gives the variable are."""
        lines = self._run.lines
        stored = [change for change in self._run.changes if not change.in_place and change.name.isidentifier()]
        for many in grouped(stored, lambda each: (lines[each.line - 1][2], each.name)).values():
            untold = [each for each in many if not any(telling.has(each) for telling in self._tellings_of(each))]
            if len(untold) == 1 and len(many) > OTHER_TIMES and self._goes_round_by_round(untold[0], many):
                yield untold[0]

    def _goes_round_by_round(self, change: Change, many: list[Change]) -> bool:
        """Whether the sentences that cite a change tell of this round alone, and not of the whole call; or name the variable."""
        citing = [self._tellings[place] for place in self._citing.get(change.line, ())]
        frame = self._run.frames[self._run.frame_of[change.line - 1]]
        return all(
            change.name in telling.names
            or (sum(each.line in telling.cited for each in many) == 1 and not telling.cites_whole(frame))
            for telling in citing
        )

    def _tellings_of(self, change: Change) -> list[Telling]:
        """The sentences that cite a change, or else lines beside it, the headings before these and what is behind them."""
        near = (place for place, telling in enumerate(self._tellings) if change.line in telling.near)
        places = self._citing.get(change.line) or near
        return [each for place in places for each in self._tellings[self._heading(place) : place + 2]]

    def _heading(self, place: int) -> int:
        """The first of the sentences right before one that cite nothing: "**`i = 2`**" of a round."""
        while place and not self._tellings[place - 1].context.cited:
            place -= 1
        return place

    def checks(self) -> Iterator[tuple[int, Check]]:
        """What is contradicted, by sentence: a value of a variable that its lines replace, and none of those it gets."""
        changes = grouped(self._run.changes, lambda each: each.name)
        for place, telling in enumerate(self._tellings):
            for name, equations in telling.said.items():
                made = [change for change in changes.get(name, ()) if change.line in telling.cited]
                missed = [each for each in made if not any(one.has(each) for one in self._tellings_of(each))]
                if missed and (token := self._stale(telling, equations, made)):
                    message = f"{name} becomes {missed[-1].value!r} there"
                    yield place, telling.context.verdict(token, Kind.ASSIGNMENT, False, message)

    @staticmethod
    def _stale(telling: Telling, equations: list[tuple[Side, Token]], made: list[Change]) -> Token | None:
        """The last of the equations, where none of them has a value that the cited lines give the variable."""
        context, (side, _) = telling.context, equations[0]
        values = [change.value for change in made] + (context.window.changed(side) if context.window else [])
        tokens = [token for _, token in equations if not THEN.search(context.around(token)[0])]
        return (
            tokens[-1] if tokens and not any(_may_say(token, value) for token in tokens for value in values) else None
        )


def _may_say(token: Token, value: Any) -> bool:
    """Whether a token may give a value; one that cannot be worked out may give any."""
    try:
        return fits(token.value, value, token.sides[-1].tolerance)
    except UnknownError:
        return True


@lru_cache(maxsize=CACHED)
def _written_in(side: Side) -> tuple[frozenset[str], frozenset[Hashable]]:
    """The names in an expression, and the keys of the values that are written in it, or follow from it alone."""
    names, keys = set(), set()
    for node in nodes_in(side.node):
        if isinstance(node, ast.Name | ast.Attribute):
            names.add(ast.unparse(node))
        elif isinstance(node, ast.expr) and is_pure(node):
            try:
                keys.add(freeze(value_of(node)))
            except UnknownError:
                continue
    return frozenset(names), frozenset(keys)
