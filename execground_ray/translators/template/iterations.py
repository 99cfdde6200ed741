"""Names the iterations of a loop, and finds those that can be told together."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from execground_ray.translators.template.call_phrases import short_name
from execground_ray.translators.template.citations import Lines
from execground_ray.translators.template.descriptions import description
from execground_ray.translators.template.marks import code
from execground_ray.translators.template.scope import Scope
from execground_ray.translators.template.trace_reader import Action, Frame, Iteration, Loop
from execground_ray.translators.template.wording import (
    assigned,
    exact_text,
    known_text,
    listed,
    shown_source,
)


def count_alike(iterations: Sequence[Iteration]) -> int:
    """Count the first iterations that took the same way through conditions and changed only the loop variable."""

    def path(iteration: Iteration) -> list[tuple[ast.AST | None, int]] | None:
        steps: list[tuple[ast.AST | None, int]] = []
        for item in iteration.items:
            if not isinstance(item, Action) or item.changes or item.frames or item.raised:
                return None
            if not isinstance(item.node, ast.If | ast.Continue | ast.Pass):
                return None
            steps.append((item.node, item.following))
        return steps or None

    first = path(iterations[0])
    if first is None or not iterations[0].header or iterations[0].header.frames:
        return 0
    count = 0
    for iteration in iterations:
        if path(iteration) != first:
            break
        count += 1
    return count


def loop_names(node: ast.AST) -> list[str]:
    """Give the variables that a `for` loop sets."""
    target = node.target if isinstance(node, ast.For | ast.AsyncFor) else None
    return [part.id for part in ast.walk(target) if isinstance(part, ast.Name)] if target else []


def round_label(node: ast.AST, scope: Scope) -> str:
    """Name an iteration by the values of the loop's variables."""
    names = [name for name in loop_names(node) if name in scope.known]
    return listed([scope.show(name) for name in names]) or "Next"


def joint_label(rounds: Sequence[Sequence[tuple[str, str]]]) -> str:
    """Name several iterations at once."""
    first = " and ".join(assigned(*pair) for pair in rounds[0])
    if all(values == rounds[0] for values in rounds):
        return f"{first} ({len(rounds)} times)"
    if len(rounds[0]) != 1:
        names = ", ".join(name for name, _ in rounds[0])
        return f"`({names})` as {listed([_together(values) for values in rounds])}"
    texts = [values[0][1] for values in rounds]
    if len(texts) > 3 and all(text.isdigit() for text in texts):
        numbers = [int(text) for text in texts]
        if numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"{first} up to {code(f'{rounds[0][0][0]} = {texts[-1]}')}"
    return listed([first, *(code(exact) if (exact := exact_text(text)) else description(text) for text in texts[1:])])


def _together(values: Sequence[tuple[str, str]]) -> str:
    texts = [exact_text(text) for _, text in values]
    return code(f"({', '.join(texts)})") if all(texts) else listed([assigned(*pair) for pair in values])


def made_before(loop: Loop) -> list[Frame]:
    """Give the calls of a `for` loop's first visit that made what it goes through, before its first round.

    Calls of a generator, or of a function that `map` was given, belong to the rounds.
    """
    node, header = loop.node, loop.iterations[0].header
    if isinstance(node, ast.While) or not header:
        return []
    lazy = any(isinstance(part, ast.GeneratorExp) for part in ast.walk(node.iter))
    return [
        frame
        for frame in header.frames
        if (not frame.name and not lazy)
        or (frame.kind == "Call to" and (frame.name.endswith("__iter__") or is_called(frame, node.iter)))
    ]


def is_called(frame: Frame, node: ast.expr, itself: bool = False) -> bool:
    """Tell whether an expression, or a part of it, is a call of the function of a frame, by its name."""
    *owner, name = short_name(frame.name).split(".")
    names = {name, *owner} if name == "__init__" else {name}
    calls = [part for part in ([node] if itself else ast.walk(node)) if isinstance(part, ast.Call)]
    return any(ast.unparse(call.func).rpartition(".")[2] in names for call in calls)


def loop_intro(loop: Loop, scope: Scope, made: str = "") -> str:
    """Begin to tell a loop: what it goes through, or what it waits for.

    Args:
        loop: The loop.
        scope: The values before it.
        made: Text of what it goes through, where a call returned that.
    """
    node = loop.node
    if loop.iterations[0].header is None and scope.frame.kind.startswith("Re-enter"):
        return "The loop goes on"
    if isinstance(node, ast.While):
        return "The loop runs" if isinstance(node.test, ast.Constant) else f"While {code(ast.unparse(node.test))} holds"
    source, values = shown_source(node.iter, scope.known), made
    if isinstance(node.iter, ast.Name):
        source, values = node.iter.id, exact_text(scope.known.get(node.iter.id, "<"))
    elif isinstance(node.iter, ast.Tuple | ast.List):
        source = known_text(node.iter, scope.known) or source
    return f"For each {code(ast.unparse(node.target))} in {code(source)}" + (f" ({code(values)})" if values else "")


def loop_lines(loop: Loop, scope: Scope) -> Lines:
    """Give the lines that the beginning of a loop tells: its first visit, and the last one of a `for` loop, its end."""
    first, last = loop.iterations[0].header, loop.iterations[-1]
    resumed = list(scope.frame.opening) if scope.frame.kind.startswith("Re-enter") else []
    if resumed and loop.iterations[0].items and isinstance(where := loop.iterations[0].items[0], Action):
        resumed += where.lines  # of the `yield` where it had stopped
    over = last.header.lines if last.header and not last.items and not isinstance(loop.node, ast.While) else []
    return frozenset([*(first.lines if first else resumed), *over])
