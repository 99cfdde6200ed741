"""How the conditions at the record lines that a sentence cites came out, and what these lines compare."""

from __future__ import annotations

import ast
from functools import cached_property

from execground_ray.verification.lines import Lines
from execground_ray.verification.notation import Side
from execground_ray.verification.recorded import Event
from execground_ray.verification.trees import compared_in, tests_in


class Conditions(Lines):
    """What some record lines tested and compared."""

    def outcomes(self, side: Side, *, inner: bool = False) -> set[bool]:
        """How a condition of the program came out at the very lines that are cited; in inner calls only if it did not else."""
        core = set(self.core_statements)
        events = [event for event in self.evaluated(side) if event.line in core and event.outcome >= 0]
        shown = [event for event in events if not self.run.is_inner(event.frame)]
        return {event.outcome == 1 for event in (not inner and shown) or events}

    @cached_property
    def _looking(self) -> set[ast.AST]:
        """These nodes, and those of the statements that make the calls that begin or end at these lines."""
        shown = {self.run.lines[line - 1][2] for line in self._callers}
        return self.nodes | self.run.written_on(frozenset(shown))

    @cached_property
    def _callers(self) -> set[int]:
        return {frame.caller for frame in self.touched if frame.caller > 0}

    @cached_property
    def comparing(self) -> list[Event]:
        """The comparisons of these lines and of those that make their calls."""
        return [event for event in self.looking if isinstance(event.node, ast.Compare)]

    @cached_property
    def looking(self) -> list[Event]:
        """What these lines evaluate, and those that make their calls."""
        return [*self.events, *(each for line in self._callers for each in self.run.events_at(line))]

    @cached_property
    def compared(self) -> dict[tuple[str, str], set[type[ast.cmpop]]]:
        """How these lines compare two expressions, by their keys."""
        return compared_in(self._looking)

    @cached_property
    def tests(self) -> list[frozenset[str]]:
        """The atoms of what these lines take for true or false."""
        return tests_in(self._looking)
