"""Words for values and conditions, true or left unsaid.

In come texts of values and expressions of the code; out come the pieces of a sentence that speak of them.
A value is written only where it was printed in full; a calculation only where its result is the value seen.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from execground_ray.translators.template.citations import NO_LINES, Lines
from execground_ray.translators.template.descriptions import description
from execground_ray.translators.template.known_values import UnknownValueError, evaluate, read_value, value_text
from execground_ray.translators.template.marks import code
from execground_ray.translators.template.substitution import substitute, write

LONG_SOURCE = 90  # characters: an expression above it is not repeated
SHOWN = 400  # characters: a value above it is described, not shown

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
UNPRINTED = ("<", "<global>")  # stand for values that the trace does not show


@dataclass(slots=True)
class Clause:
    """A clause without capital or full stop, and what it is for the sentence around it."""

    text: str
    kind: str = "do"  # "set": plain assignment, "test": condition, "alone": a sentence of its own, "do": the rest
    consequence: Sequence[ast.stmt] = ()  # the block that a condition opened
    lines: Lines = NO_LINES  # of the trace, that it tells


def exact_text(text: str) -> str:
    """Give the text of a value if it is complete, meaningful and short enough to show, else an empty text."""
    if len(text) > SHOWN or " object>" in text or "<function" in text or text.startswith("<"):
        return ""
    if "..." in text:
        try:
            read_value(text)
        except UnknownValueError:
            return ""
    return text


def assigned(name: str, text: str) -> str:
    """Write `name = value`, or describe a value that has no exact text."""
    exact = exact_text(text)
    return f"{code(f'{name} = {exact}')}" if exact else f"{code(name)} as {description(text)}"


def holds(name: str, text: str) -> str:
    """Write the same as a statement of its own."""
    exact = exact_text(text)
    return f"{code(f'{name} = {exact}')}" if exact else f"{code(name)} is {description(text)}"


def listed(parts: Sequence[str]) -> str:
    """Join parts as in a sentence: `a`, `b` and `c`."""
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)


def shown_source(node: ast.expr, known: Mapping[str, str]) -> str:
    """Write an expression with the known values put in, or as it stands where that is not possible."""
    try:
        return substitute(node, known)
    except (UnknownValueError, ValueError, RecursionError):
        return ast.unparse(node)


def known_text(node: ast.expr, known: Mapping[str, str]) -> str:
    """Work out an expression and give the text of its value, or an empty text where that is not possible."""
    try:
        return value_text(evaluate(node, known))
    except UnknownValueError:
        return ""


def proven(node: ast.expr, text: str, known: Mapping[str, str]) -> bool:
    """Tell whether working out the expression gives just the value that was printed."""
    try:
        value, printed = evaluate(node, known), read_value(text)
    except UnknownValueError:
        return False
    return type(value) is type(printed) and bool(value == printed)


def collecting(node: Comprehension) -> str:
    """Name what a comprehension puts together."""
    if isinstance(node, ast.DictComp):
        return f"collecting {code(f'{ast.unparse(node.key)}: {ast.unparse(node.value)}')} each time"
    return f"collecting {code(ast.unparse(node.elt))} each time"


def becomes(name: str, value: ast.expr, text: str, known: Mapping[str, str], called: bool) -> Clause:
    """Say which value a name got and, where it is sure, how it came about.

    Args:
        name: The name, or the source text of another target.
        value: The expression that was assigned.
        text: The value that the name has afterwards.
        known: Values before the assignment.
        called: Whether the call that gave the value has been told already.
    """
    exact = exact_text(text)
    if not exact:
        return Clause(f"{code(name)} becomes {_unshown(value, text, known, called)}")
    if not any(isinstance(part, ast.Name | ast.Call) for part in ast.walk(value)):
        return Clause(f"{code(name)} is set to {code(exact)}", "set")
    if isinstance(value, Comprehension):
        return Clause(f"{collecting(value)} gives {code(f'{name} = {exact}')}")
    source = shown_source(value, known)
    if (
        isinstance(value, ast.Name | ast.IfExp)
        or (called and isinstance(value, ast.Call))
        or len(source) > LONG_SOURCE
        or source == exact
        or any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(ast.parse(source)))
    ):
        return Clause(f"{code(name)} becomes {code(exact)}")
    joins = isinstance(value, ast.BoolOp) and exact not in ("True", "False")  # `'a' or 'b' = 'a'` would read wrong
    if joins or not proven(value, text, known):
        return Clause(f"{code(source)} gives {code(f'{name} = {exact}')}")
    if isinstance(value, ast.Compare | ast.BoolOp | ast.UnaryOp) and exact in ("True", "False"):
        return Clause(f"{code(source)} is {exact.lower()}, so {code(f'{name} = {exact}')}", "alone")
    return Clause(f"{code(name)} becomes {code(f'{source} = {exact}')}")


def _unshown(value: ast.expr, text: str, known: Mapping[str, str], called: bool) -> str:
    """Say what a name became whose value is not shown: how it came about, and what is known of it."""
    source = shown_source(value, known)
    told = isinstance(value, ast.Name | ast.IfExp) or (called and isinstance(value, ast.Call))
    if text in UNPRINTED:
        return code(source)
    if told or len(source) > LONG_SOURCE or not text.startswith(("'", '"', "[", "(", "{")):
        return description(text)
    return f"{code(source)}, {description(text)}"


def condition(test: ast.expr, outcome: bool, known: Mapping[str, str], brief: bool) -> Clause:
    """Say whether a condition held, with the values that decided it.

    Args:
        test: The condition.
        outcome: How it went, as the next line showed.
        known: Values when it was tested.
        brief: Write only the condition with its values, not the condition as it stands in the code.
    """
    word, source, shown = str(outcome).lower(), write(test), shown_source(test, known)
    try:
        sure = bool(evaluate(test, known)) is outcome
    except UnknownValueError:
        sure = False
    else:
        shown = shown if sure else source
    if sure and (text := _emptiness(test, known)):
        return Clause(text, "test")
    if shown == source or len(shown) > LONG_SOURCE:
        return Clause(f"{code(source)} is {word}", "test")
    sides = _sides(test, known) if sure else ""
    if brief or isinstance(test, ast.BoolOp):
        start = f"{code(shown)} is {word}" if brief else f"{code(source)} is {code(shown)}, which is {word}"
        return Clause(start + (f" ({sides})" if sides else ""), "test")
    through = f", that is {sides}," if sides else ","
    return Clause(f"{code(source)} is {code(shown)}{through} which is {word}", "test")


def _emptiness(test: ast.expr, known: Mapping[str, str]) -> str:
    """Say of a bare name or its negation what the name holds."""
    bare = test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else test
    if not isinstance(bare, ast.Name):
        return ""
    value = evaluate(bare, known)
    if isinstance(value, list | tuple | dict | set | str):
        return f"{code(bare.id)} is {'not empty' if value else 'empty'}"
    return f"{code(bare.id)} is {code(repr(value))}"


def _sides(test: ast.expr, known: Mapping[str, str]) -> str:
    """Work out both sides of a comparison that has an operation in it: of the one that decided, in `a and b`."""
    if isinstance(test, ast.BoolOp):
        settles = isinstance(test.op, ast.Or)
        part = next((part for part in test.values if bool(evaluate(part, known)) is settles), None)
        sides = _sides(part, known) if part else ""
        return f"{code(shown_source(part, known))} is {sides}" if part and sides else ""
    if not isinstance(test, ast.Compare) or len(test.ops) > 1:
        return ""
    parts = [evaluate(part, known) for part in (test.left, *test.comparators)]
    if not all(isinstance(part, int | float | str) and len(repr(part)) <= 40 for part in parts):
        return ""
    bare = ast.Compare(ast.Name("left"), test.ops, [ast.Name("right")])
    sides = shown_source(bare, {"left": repr(parts[0]), "right": repr(parts[1])})
    return "" if sides == shown_source(test, known) else code(sides)
