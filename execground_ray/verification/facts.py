"""What a text can be held against: everything that the execution, the code, the question and the input give.

Comes in: ``Evidence``. Goes out: ``Facts``, built once per text: the history of the run, the identifiers, and the pools
of numbers, strings, containers, sizes and counts in which a cited value must be found.
"""

from __future__ import annotations

import ast
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
from execground_ray.verification.replay import replay
from execground_ray.verification.snoop_text import read_trace

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TRACED_LINE = re.compile(r"^ *(\d+) \| ", re.MULTILINE)
_TRACED_LINE_WHOLE = re.compile(r"^ *\d+ \| .*$|0x[0-9a-f]+", re.MULTILINE)
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

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        try:
            self.tree: ast.Module | None = ast.parse(evidence.refcode)
        except (SyntaxError, ValueError, RecursionError):
            self.tree = None
        self.history = self._history()

    def _history(self) -> History:
        evidence = self.evidence
        found = re.search(r">>> Call to (\w+)", evidence.trace)
        function = found[1] if found else "main_solution"
        replayed = replay(evidence.refcode, function, copy.deepcopy(evidence.arguments))
        if replayed is not None and self._agrees(*replayed):
            return replayed[0]
        return read_trace(evidence.trace, evidence.refcode)

    def _agrees(self, history: History, returned: Any) -> bool:
        """Whether the replay is the run that the trace shows."""
        try:
            same = freeze(json.loads(json.dumps(returned))) == freeze(self.evidence.returned)
        except (TypeError, ValueError):
            return False
        traced = {int(number) for number in _TRACED_LINE.findall(self.evidence.trace)}
        return same and not (traced & self._first_lines) - history.passes.keys()

    @cached_property
    def _first_lines(self) -> set[int]:
        plain = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.If, ast.For, ast.While)
        return {node.lineno for node in self.nodes if isinstance(node, plain)}

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the program."""
        return list(ast.walk(self.tree)) if self.tree else []

    @cached_property
    def functions(self) -> frozenset[str]:
        """Names of the program's functions and classes."""
        return frozenset(node.name for node in self.nodes if isinstance(node, ast.FunctionDef | ast.ClassDef))

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every name that the program uses."""
        names = set(self.functions) | set(self.evidence.arguments)
        for node in self.nodes:
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.arg | ast.keyword):
                names.add(node.arg or "")
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.alias):
                names.add(node.asname or node.name)
        return frozenset(names)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every name of the program and every word of the question and of the data: other names are the text's own."""
        evidence = self.evidence
        strings = " ".join(
            node.value for node in self.nodes if isinstance(node, ast.Constant) and type(node.value) is str
        )
        words = _WORD.findall(f"{evidence.question}\n{json.dumps([evidence.arguments, evidence.returned])}\n{strings}")
        return self.identifiers.union(words, BUILTINS, keyword.kwlist)

    @cached_property
    def code_text(self) -> str:
        """The program without white space, to tell a quotation of it."""
        return "".join(self.evidence.refcode.split()).replace('"', "'")

    @cached_property
    def pool(self) -> frozenset[Any]:
        """Every value, whole or part of another, that the run, the code, the question or the input has."""
        pool: set[Any] = set(self.history.seen)
        for values in self.history.names.values():
            for _, _, value in values:
                _collect(value, pool)
        for calls in self.history.calls.values():
            for call in calls:
                _collect(call.returned, pool)
        _collect(self.evidence.arguments, pool)
        _collect(self.evidence.returned, pool)
        for node in self.nodes:
            if isinstance(node, ast.Constant) and not isinstance(node.value, bytes):
                _collect(node.value, pool)
        shown = _TRACED_LINE_WHOLE.sub("", self.evidence.trace)
        pool.update(_number(found) for found in _NUMBER.findall(shown))
        pool.update(self.stated_numbers)
        return frozenset(pool)

    @cached_property
    def stated_numbers(self) -> frozenset[int | float]:
        """The numbers of the question, of the input and of the code, as digits or words."""
        evidence = self.evidence
        stated = f"{evidence.question}\n{json.dumps(evidence.arguments)}\n{evidence.refcode}"
        words = _WORD.findall(evidence.question.lower())
        numbers = {_number(found) for found in _NUMBER.findall(stated)}
        return frozenset(numbers | {NUMBER_WORDS[word] for word in words if word in NUMBER_WORDS})

    @cached_property
    def strings(self) -> str:
        """Every string that the run has, and the texts of code, question and trace, in one."""
        parts = {value for value in self.pool if isinstance(value, str)}
        return "\n".join([*sorted(parts), self.evidence.question, self.evidence.refcode, self.evidence.trace])

    @cached_property
    def sizes(self) -> frozenset[int]:
        """Lengths of strings and containers, and counts of rounds and calls."""
        sizes = set(self.history.counts)
        for value in self.pool:
            if isinstance(value, str):
                sizes.add(len(value))
            elif isinstance(value, tuple) and value[0] == "list":
                sizes.update((len(value) - 1, sum(len(part) - 1 for part in value[1:] if isinstance(part, tuple))))
            elif isinstance(value, tuple) and value[0] in ("set", "dict"):
                sizes.add(len(value[1]))
        return frozenset(sizes)


def _number(text: str) -> int | float:
    return float(text) if any(mark in text for mark in ".eE") else int(text)


def _collect(value: Any, pool: set[Any]) -> Any:
    """Add ``value`` and all of its parts, frozen."""
    if value is OPAQUE:
        return
    pool.add(freeze(value))
    if isinstance(value, dict):
        for key, item in value.items():
            _collect(key, pool)
            _collect(item, pool)
    elif isinstance(value, list | tuple | set | frozenset | range):
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
