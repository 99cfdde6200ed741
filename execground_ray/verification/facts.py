"""What a text can be held against: everything that the execution, the code, the question and the input give.

Comes in: ``Evidence``. Goes out: ``Facts``, built once per text: the history of the run, the identifiers, and the pools
of numbers, strings, containers, sizes and counts in which a cited value must be found.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import json
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from execground_ray.verification.allowed import BUILTINS
from execground_ray.verification.citing import NUMBER_WORDS
from execground_ray.verification.history import OPAQUE, History, freeze
from execground_ray.verification.program import Program
from execground_ray.verification.replay import replay
from execground_ray.verification.snoop_text import read_trace

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TRACED_LINE = re.compile(r"^ *(\d+) \| ", re.MULTILINE)
_TRACED_LINE_WHOLE = re.compile(r"^ *\d+ \| .*$|0x[0-9a-f]+", re.MULTILINE)
_CALLED = re.compile(r">>> Call to (\w+)")
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Evidence:
    """Everything that the verdict on a text may rest on.

    Attributes:
        question: The task as a person reads it.
        refcode: The program; line 1 of the trace is its first line.
        arguments: The input, argument by argument, as decoded from JSON.
        returned: The exact value that came back, as decoded from JSON.
        trace: The text that ``snoop`` wrote.
    """

    question: str
    refcode: str
    arguments: dict[str, Any]
    returned: Any
    trace: str


class Facts:
    """The pools of one piece of evidence."""

    def __init__(self, evidence: Evidence, *, with_replay: bool = True) -> None:
        self.evidence = evidence
        self._with_replay = with_replay
        self.program = Program(evidence.refcode)

    @cached_property
    def traced(self) -> History:
        """The run as its trace shows it."""
        return read_trace(self.evidence.trace, self.program)

    @cached_property
    def replayed(self) -> History | None:
        """Every step of the run, where the program could be replayed. Made only when the trace alone leaves a doubt."""
        if not self._with_replay or not self.called:
            return None
        done = replay(self.program, self.called, copy.deepcopy(self.evidence.arguments))
        return done[0] if done is not None and self._agrees(*done) else None

    def histories(self) -> Iterator[History]:
        """What is known of the run, the cheapest first."""
        yield self.traced
        if self.replayed is not None:
            yield self.replayed

    @property
    def complete(self) -> History:
        """The trace where it shows everything, otherwise the fullest history there is."""
        return self.traced if self.traced.whole and not self.traced.partial else self.best

    @property
    def best(self) -> History:
        """The fullest history there is."""
        return self.replayed or self.traced

    def _agrees(self, history: History, returned: Any) -> bool:
        """Whether the replay is the run that the trace shows."""
        try:
            same = freeze(json.loads(json.dumps(returned))) == freeze(self.evidence.returned)
        except (TypeError, ValueError):
            return False
        traced = {int(number) for number in _TRACED_LINE.findall(self.evidence.trace)}
        return same and not (traced & self.program.first_lines) - history.passes.keys()

    @cached_property
    def lenient(self) -> bool:
        """Whether the program has dictionaries that give a value for a missing key."""
        return not self.identifiers.isdisjoint(("Counter", "defaultdict", "__missing__"))

    @cached_property
    def called(self) -> str:
        """The function that the run began with."""
        found = _CALLED.search(self.evidence.trace)
        return found[1] if found else ""

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every name that the program uses."""
        return self.program.names.union(self.evidence.arguments)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every name of the program and every word of the question and of the data: other names are the text's own."""
        evidence = self.evidence
        strings = " ".join(node.value for node in self.program.of(ast.Constant) if type(node.value) is str)
        words = _WORD.findall(f"{evidence.question}\n{json.dumps([evidence.arguments, evidence.returned])}\n{strings}")
        return self.identifiers.union(words, BUILTINS, keyword.kwlist)

    @cached_property
    def code_text(self) -> str:
        """The program without white space, to tell a quotation of it."""
        return "".join(self.evidence.refcode.split()).replace('"', "'")

    def shows(self, value: Any) -> bool:
        """Whether ``has`` is true already of what needs no replay."""
        return value in self._shown

    def has(self, value: Any) -> bool:
        """Whether ``value``, frozen, is a value, whole or part of another, that the run or its surroundings have."""
        return value in self._shown or value in self._lived

    @cached_property
    def _shown(self) -> set[Any]:
        pool = _pool(self.traced)
        _collect(self.evidence.arguments, pool)
        _collect(self.evidence.returned, pool)
        for node in self.program.of(ast.Constant):
            _collect(node.value, pool)
        for node in self.program.of(ast.List, ast.Tuple, ast.Dict, ast.Set):
            with contextlib.suppress(ValueError, TypeError):  # not a literal
                _collect(ast.literal_eval(node), pool)
        values = _TRACED_LINE_WHOLE.sub("", self.evidence.trace)
        pool.update(map(_number, set(_NUMBER.findall(values))))
        return pool | self.stated_numbers

    @cached_property
    def _lived(self) -> set[Any]:
        return _pool(self.replayed) if self.replayed is not None else set()

    @cached_property
    def stated_numbers(self) -> frozenset[int | float]:
        """The numbers of the question, of the input and of the code, as digits or words."""
        evidence = self.evidence
        stated = f"{evidence.question}\n{json.dumps(evidence.arguments)}\n{evidence.refcode}"
        words = _WORD.findall(evidence.question.lower())
        numbers = set(map(_number, set(_NUMBER.findall(stated))))
        return frozenset(numbers | {NUMBER_WORDS[word] for word in words if word in NUMBER_WORDS})

    def has_piece(self, value: Any) -> bool:
        """Whether a frozen container is a piece of one that the run has, or the same sorted or turned around."""
        history = self.complete
        if history.partial or not history.whole:
            return True  # not everything is known
        if value[0] != "list":
            elements = set(value[1])
            return any(set(each[1:]) == elements for each in self._containers if each[0] == "list")
        return any(is_piece(value[1:], each[1:]) for each in self._containers if each[0] == "list")

    @cached_property
    def _containers(self) -> list[tuple[Any, ...]]:
        whole = self.complete is self.traced
        pools = (self._shown,) if whole else (self._shown, self._lived)
        # What a name went through, one value after the other, is a sequence, too.
        courses = {
            ("list", *course)
            for history in ((self.traced,) if whole else self.histories())
            for name, events in history.names.items()
            if len(events) > 2
            for course in (history.course(name), history.changes(name))
        }
        return [*courses] + [
            value
            for pool in pools
            for value in pool
            if isinstance(value, tuple) and value[0] in ("list", "set", "dict")
        ]

    def has_text(self, text: str) -> bool:
        """Whether ``text`` is part of a string of the run, or of the code, the question or the trace."""
        return any(text.lower() in strings for strings in self._texts())

    def _texts(self) -> Iterator[str]:
        yield self._shown_text
        yield self._lived_text

    @cached_property
    def _shown_text(self) -> str:
        evidence = self.evidence
        texts = [evidence.question, evidence.refcode, evidence.trace]
        return "\n".join([*texts, *(value for value in self._shown if isinstance(value, str))]).lower()

    @cached_property
    def _lived_text(self) -> str:
        return "\n".join(value for value in self._lived if isinstance(value, str)).lower()

    def sizes(self) -> Iterator[set[int]]:
        """Lengths of strings and containers, and counts of rounds and calls, the cheapest first."""
        yield self._shown_sizes
        yield self._lived_sizes

    @cached_property
    def _shown_sizes(self) -> set[int]:
        return _sizes(self._shown) | self.traced.counts

    @cached_property
    def _lived_sizes(self) -> set[int]:
        return _sizes(self._lived) | self.replayed.counts if self.replayed is not None else set()


def _pool(history: History) -> set[Any]:
    pool = set(history.seen)
    for events in history.names.values():
        for _, _, value in events:
            _collect(value, pool)
    for calls in history.calls.values():
        for call in calls:
            _collect(call.returned, pool)
    return pool


def is_piece(piece: tuple[Any, ...], whole: tuple[Any, ...]) -> bool:
    """Whether the values of ``piece`` follow each other in ``whole``, or are all of it, sorted or turned around."""
    size = len(piece)
    if any(whole[start : start + size] == piece for start in range(len(whole) - size + 1)):
        return True
    return size == len(whole) and (
        piece == whole[::-1] or sorted(map(repr, piece)) == sorted(map(repr, whole)) == list(map(repr, piece))
    )


def _sizes(pool: set[Any]) -> set[int]:
    sizes = set()
    for value in pool:
        if isinstance(value, str):
            sizes.add(len(value))
        elif isinstance(value, tuple) and value[0] == "list":
            sizes.update((len(value) - 1, sum(len(part) - 1 for part in value[1:] if isinstance(part, tuple))))
        elif isinstance(value, tuple) and value[0] in ("set", "dict"):
            sizes.add(len(value[1]))
    return sizes


def _number(text: str) -> int | float:
    return int(text) if text.isdecimal() else float(text)


def _collect(value: Any, pool: set[Any]) -> None:
    """Add ``value`` and all of its parts, frozen."""
    kind = type(value)
    if kind is int or kind is str or kind is float:
        pool.add(value)
        return
    if value is OPAQUE:
        return
    frozen = freeze(value)
    if frozen in pool:
        return
    pool.add(frozen)
    if kind is dict:
        for key, item in value.items():
            _collect(key, pool)
            _collect(item, pool)
    elif kind in (list, tuple, set, frozenset, range):
        for item in value:
            _collect(item, pool)


def fragments(value: Any) -> Iterator[Any]:
    """The parts of a container, or the value itself."""
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset | range):
        yield from value
    else:
        yield value
