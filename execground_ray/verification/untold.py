"""What no sentence tells: statements of the record, and what they change.

A text that goes step by step leaves none out. A step is left out where no sentence cites it, and where it alone of all
rounds is told without what it changes; a sentence that cites it and knows only what was there before contradicts it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Hashable, Iterator
from functools import cached_property, lru_cache
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.notation import Side
from execground_ray.verification.run import Change, Run
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import CACHED, grouped, nodes_in
from execground_ray.verification.values import fits, freeze

OTHER_TIMES = 2  # that what a statement changes is told, before the one time that it is not is seen


class Telling:
    """What one sentence tells, and of which statements."""

    def __init__(self, context: Context) -> None:
        """See the class."""
        self.context = context
        window = context.window if context.cited else None
        self.cited = frozenset(window.core_statements if window else ())
        self.near = frozenset(window.statements if window else ())
        equations = [equation for token in context.sentence.tokens for equation in token.equations]
        written = [_written_in(side) for equation in equations for side in equation]
        self.names = frozenset().union(*(names for names, _ in written))
        self.keys = frozenset().union(*(keys for _, keys in written))

    @cached_property
    def said(self) -> dict[str, list[Token]]:
        """The equations that give a variable a value."""
        found: dict[str, list[Token]] = defaultdict(list)
        for token in self.context.sentence.tokens:
            for side in token.sides[:-1]:
                if isinstance(side.node, ast.Name):
                    found[side.node.id].append(token)
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
        """Of the statements that are told; 0 of none."""
        return 1 - len(self.statements) / len(self._own) if self._own else 0.0

    @cached_property
    def _own(self) -> list[int]:
        run = self._run
        shown = dict.fromkeys(run.owners[line] for line in run.statements)
        return [line for line in shown if run.frame_of[line - 1] not in run.foreign]

    def _is_near(self, line: int) -> bool:
        """Whether a sentence that cites lines beside it names any of its variables: a citation may be too narrow."""
        names = {event.node.id for event in self._run.events_at(line) if isinstance(event.node, ast.Name)}
        return any(line in each.near and not (names and names.isdisjoint(each.names)) for each in self._tellings)

    def _left_out(self) -> Iterator[Change]:
        """Changes that are not told, where all others of the same statement are."""
        lines = self._run.lines
        for many in grouped(self._run.changes, lambda each: (lines[each.line - 1][2], each.name)).values():
            untold = [change for change in many if not self._is_told(change, named=True)]
            if len(untold) == 1 and len(many) > OTHER_TIMES:
                yield untold[0]

    def _is_told(self, change: Change, *, named: bool) -> bool:
        """Whether a sentence that cites a change, or the one behind it, has its value, and its name.

        Where none cites it, those that cite lines beside it.
        """
        near = (place for place, telling in enumerate(self._tellings) if change.line in telling.near)
        places = self._citing.get(change.line) or near
        tellings = [self._tellings[each] for place in places for each in (place, place + 1) if each < len(self._tellings)]
        key = freeze(change.value)
        return any(key in each.keys for each in tellings) and (
            not named or any(change.name in each.names for each in tellings)
        )

    def checks(self) -> Iterator[tuple[int, Check]]:
        """What is contradicted, by sentence: a value of a variable that its lines replace, and none of those it gets."""
        changes = grouped(self._run.changes, lambda each: each.name)
        for place, telling in enumerate(self._tellings):
            for name, tokens in telling.said.items():
                made = [change for change in changes.get(name, ()) if change.line in telling.cited]
                missed = [change for change in made if not self._is_told(change, named=False)]
                if missed and not any(_may_say(token, change.value) for token in tokens for change in made):
                    message = f"{name} becomes {missed[-1].value!r} there"
                    yield place, telling.context.verdict(tokens[-1], Kind.ASSIGNMENT, False, message)


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
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.expr) and is_pure(node):
            try:
                keys.add(freeze(value_of(node)))
            except UnknownError:
                continue
    return frozenset(names), frozenset(keys)
