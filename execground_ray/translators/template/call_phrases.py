"""Names calls and says what small ones gave: how a sentence about a call begins.

In come frames; out come the pieces of the sentence.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from execground_ray.translators.template.code_map import Program
from execground_ray.translators.template.descriptions import article
from execground_ray.translators.template.marks import code
from execground_ray.translators.template.trace_reader import Frame
from execground_ray.translators.template.wording import assigned, exact_text, listed


def introduction(frame: Frame, caller: str, depth: int, program: Program) -> str:
    """Begin to tell a call.

    Args:
        frame: The call.
        caller: Qualified name of the function that made it.
        depth: How many calls of the same function are open already.
        program: The traced code.
    """
    function = program.functions.get(frame.line)
    own = {arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg)} if function else None
    shown = [
        assigned(change.name, change.text)
        for change in frame.arguments
        if (own is None or change.name in own) and not (change.name in ("self", "cls") and change.text.startswith("<"))
    ]
    values = f" with {listed(shown)}" if shown else ""
    name = short_name(frame.name)
    if frame.kind == "Re-enter generator":
        return f"{code(name)} goes on"
    if frame.kind == "Start generator":
        return f"The generator {code(name)} starts{values}"
    if name.endswith(".__init__"):
        kind = name.removesuffix(".__init__")
        return f"{article(kind).capitalize()} {code(kind)} object is created{values}"
    if depth:
        calls = "calls itself" if caller == frame.name else "is called again"
        return f"{code(name)} {calls}{values} (recursion depth {depth + 1})"
    return f"{code(name)} is called{values}"


def short_name(name: str) -> str:
    """Leave the class in a special method's name, and nothing else before the name."""
    parts = name.rpartition("<locals>.")[2].split(".")
    return ".".join(parts[-2:]) if parts[-1].startswith("__") else parts[-1]


def small_kind(frame: Frame) -> str:
    """Tell frames that are told by their results alone."""
    return next((kind for kind in ("<genexpr>", "<lambda>") if frame.name.endswith(kind)), "")


def mapping(frame: Frame, program: Program) -> str:
    """Say what a lambda gave for its arguments, or what a generator expression yielded."""
    exact = exact_text(frame.value)
    if not exact or frame.given_up or frame.ended not in ("Return", "Yield"):
        return ""
    if frame.name.endswith("<genexpr>"):
        return code(exact) if frame.ended == "Yield" else ""
    node = program.nodes.get(frame.line)
    own = {
        arg.arg
        for part in (ast.walk(node) if node else ())
        if isinstance(part, ast.Lambda)
        for arg in ast.walk(part.args)
        if isinstance(arg, ast.arg)
    }
    given = [assigned(change.name, change.text) for change in frame.arguments if change.name in own]
    return f"{code(exact)} for {listed(given)}" if given else code(exact)


def run_of_values(values: str, all_values: Sequence[str] = ()) -> str:
    """Say which values a comprehension's variable took.

    Args:
        values: As printed: only the ends of a long run, and a value that follows on itself only once.
        all_values: Each of them, where they are known.
    """
    first, dots, last = values.partition(", ..., ")
    if dots:
        return f"runs from {code(first)} on to {code(last)}"
    if "," not in values:
        return f"is {code(values)}" if len(all_values) < 2 else f"runs through {code(', '.join(all_values))}"
    return f"runs through {code(', '.join(all_values))}" if all_values else f"takes the values {code(values)}"
