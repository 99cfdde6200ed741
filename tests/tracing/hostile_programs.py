"""The hostile programs: what each tries, and what must come of it.

``hostile/*.txt`` holds them, a file for each family. A program stands under its head::

    === name | numbers | what is promised | outcome

The numbers are those of the attacks in the list that the suite follows; ``twin`` marks a harmless program that must
succeed, so that a sandbox in which nothing works fails too. The outcome is a JSON value that must be returned, and be
accepted; or, behind an exclamation mark, the reasons of which one must be given, and behind ``<-`` the output that the
pair records: null, unless it is said.

A program that has no ``main_solution`` does its work when it is defined, and returns ``RESULT``. Before each stands
``prelude.txt``, and the names of what there is to attack: see ``ATTACKED``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from execground_ray.records import Pair, Problem, Reason

HERE = Path(__file__).parent / "hostile"
PRELUDE = (HERE / "prelude.txt").read_text(encoding="utf-8")
FAMILIES = sorted(path.stem for path in HERE.glob("*.txt") if path.stem != "prelude")
HEAD = "=== "
RETURN_RESULT = "\ndef main_solution():\n    return RESULT\n"


@dataclass(frozen=True)
class HostileProgram:
    """One program and what must come of it.

    Attributes:
        value: the output that the pair records.
        reasons: of which one must be given; empty when ``value`` must be returned and accepted.
    """

    name: str
    family: str
    numbers: tuple[str, ...]
    promise: str
    value: Any
    reasons: frozenset[Reason]
    code: str

    @property
    def is_twin(self) -> bool:
        """Whether it is one of the harmless programs."""
        return self.numbers == ("twin",)

    @property
    def may_time_out(self) -> bool:
        """Whether it takes all the time that there is."""
        return Reason.TIMEOUT in self.reasons

    def problem(self, attacked: dict[str, Any]) -> Problem:
        """The program as a problem, told what there is to attack."""
        names = "".join(f"{name} = {value!r}\n" for name, value in attacked.items())
        code = f"{PRELUDE}\n{names}\n{self.code}"
        if "def main_solution(" not in code and "main_solution =" not in code:
            code += RETURN_RESULT
        return as_problem(code, {}, self.value)


def as_problem(code: str, arguments: dict[str, Any], output: Any) -> Problem:
    """A problem with one recorded pair."""
    return Problem("", "", code, "main_solution", (Pair(arguments, output),), "", "", {})


def read_family(family: str) -> list[HostileProgram]:
    """Read the programs of one file, in order."""
    _, *sections = ("\n" + (HERE / f"{family}.txt").read_text(encoding="utf-8")).split("\n" + HEAD)
    return [_read_program(family, section) for section in sections]


def _read_program(family: str, section: str) -> HostileProgram:
    head, _, code = section.partition("\n")
    name, numbers, promise, outcome = head.split(" | ", 3)
    if outcome.startswith("!"):
        wanted, _, recorded = outcome[1:].partition(" <- ")
        reasons, value = frozenset(map(Reason, wanted.split())), json.loads(recorded or "null")
    else:
        reasons, value = frozenset(), json.loads(outcome)
    return HostileProgram(name, family, tuple(numbers.split()), promise, value, reasons, code)


PROGRAMS = [program for family in FAMILIES for program in read_family(family)]
