"""The lines of a record, and the statements of the program that they show."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from execground_ray.tracing.evidence import Line
from execground_ray.verification.program import Program
from execground_ray.verification.trees import grouped

_SHOWN = frozenset({"source", "call", "def"})


class Statements(Program):
    """A program, and which of its statements each line of a record belongs to."""

    def __init__(self, refcode: str, lines: Sequence[Line]) -> None:
        """See the class; ``lines`` are those of the evidence."""
        super().__init__(refcode)
        self.lines = lines
        self.count = len(lines)
        self.frame_of = [line[1] for line in lines]

    @cached_property
    def owners(self) -> list[int]:
        """By record line: the line of the statement that it belongs to, first element unused."""
        owners = [0]
        began: dict[tuple[int, int], int] = {}  # by call and line of the program
        running: dict[int, tuple[int, int]] = {}  # by call: the statement that it runs, and the line that it began with
        for number, (kind, frame, source, _, owner) in enumerate(self.lines, 1):
            if kind == "again":
                owners.append(began.get((frame, source), number))
                continue
            if kind == "source":
                statement = self._spanning.get(source, -source)
                before, first = running.get(frame, (0, number))
                running[frame] = statement, first if statement == before else number
                began[frame, source] = running[frame][1]
                owners.append(began[frame, source])
                continue
            if kind in _SHOWN:
                began[frame, source] = number
            owners.append(owners[owner] if 0 < owner < number else number)
        return owners

    @cached_property
    def groups(self) -> dict[int, list[int]]:
        """By line of a statement: all record lines that belong to it."""
        return grouped(range(1, self.count + 1), lambda number: self.owners[number])

    @cached_property
    def statements(self) -> list[int]:
        """The record lines that show a statement about to run."""
        return [number for number, line in enumerate(self.lines, 1) if line[0] == "source"]
