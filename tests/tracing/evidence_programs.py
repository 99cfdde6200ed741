"""Small programs run under the witness, and what it saw of them as text."""

import ast
from typing import Any

from execground_ray.tracing.evidence import Event, Evidence
from execground_ray.tracing.program import RunLimits, normalize_newlines
from execground_ray.tracing.witnessing import Witnessed, witness_here

LIMITS = RunLimits(max_lines=1000, result_bytes=10**6, timeout_seconds=5, memory_mb=1024)
OUTCOMES = {1: " (true)", 0: " (false)", -1: ""}


def witness(code: str, /, *watches: str, **arguments: Any) -> Witnessed:
    """Run ``main_solution`` of a program in this process."""
    return witness_here(code, "main_solution", arguments, LIMITS, 400, watches)


def body(text: str) -> str:
    """A program whose function has these statements."""
    indented = "".join(f"    {line}\n" for line in text.strip("\n").split("\n"))
    return f"def main_solution(**given):\n{indented}"


def told(code: str, evidence: Evidence, events: tuple[Event, ...] | None = None) -> list[str]:
    """Events as text: ``x -> 1`` of an expression, ``x = 1`` of a target, with the outcome of a condition behind it."""
    nodes = list(ast.walk(ast.parse(normalize_newlines(code))))
    lines = []
    for event in evidence.events if events is None else events:
        node: Any = nodes[event.node]
        is_target = isinstance(getattr(node, "ctx", None), ast.Store)
        value = evidence.values[event.value].text
        lines.append(f"{ast.unparse(node)} {'=' if is_target else '->'} {value}{OUTCOMES[event.outcome]}")
    return lines


def events_by_line(evidence: Evidence) -> dict[int, tuple[Event, ...]]:
    """The events of each record line that has any."""
    found: dict[int, tuple[Event, ...]] = {}
    for event in evidence.events:
        found[event.line] = (*found.get(event.line, ()), event)
    return found


def changes(evidence: Evidence) -> list[str]:
    """Changes of names as text: the record line, the name and its new value."""
    found = []
    for name in evidence.names:
        where = "global " if name.frame == -1 else ""
        found.append(
            f"{name.line} {where}{name.name} = {evidence.values[name.value].text if name.value >= 0 else 'gone'}"
        )
    return found
