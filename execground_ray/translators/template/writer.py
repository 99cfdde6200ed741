"""The template translator: step-by-step reasoning written from a trace by rule, without a model.

In come the code, the arguments, the trace and the returned value; out comes the text of the assistant's message, in
Markdown without code blocks, ending with the final output. The same input always gives the same text.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from execground_ray.translators.template.call_phrases import (
    introduction,
    mapping,
    run_of_values,
    short_name,
    small_kind,
)
from execground_ray.translators.template.code_map import Program, inside, own_parts
from execground_ray.translators.template.iterations import count_alike, joint_label, loop_intro, loop_names, round_label
from execground_ray.translators.template.paragraphs import Block, Page, Section, lower, render
from execground_ray.translators.template.scope import Scope, global_values
from execground_ray.translators.template.sentences import Teller, comprehension_targets
from execground_ray.translators.template.substitution import write
from execground_ray.translators.template.trace_reader import (
    Action,
    Frame,
    Item,
    Iteration,
    Loop,
    fold_loops,
    read_frames,
)
from execground_ray.translators.template.wording import Clause, Comprehension, assigned, collecting, exact_text, listed

INLINE_WORDS = 45  # a call or a loop told in fewer words stays in the paragraph


class _Writer:
    """Tells frames; holds what is remembered over all of them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.seen: set[ast.AST] = set()
        self.active: Counter[str] = Counter()  # open calls by function, for the depth of a recursion
        self.globals = global_values(program.tree)

    def tell_frame(self, frame: Frame, given: Mapping[str, str] | None = None) -> list[Block]:
        """Tell a call from its first line to its return."""
        self.active[frame.name] += 1
        scope = Scope(self.program, frame, f"`{short_name(frame.name)}`", dict(self.globals), self.seen)
        scope.known.update({change.name: change.text for change in frame.arguments})
        if frame.kind == "Call to":
            scope.known.update(given or {})
        page = Page()
        self._tell_items(fold_loops(frame.actions, self.program), scope, page)
        if frame.ended == "Return" and "generator" in frame.kind:
            page.add(Clause(f"{scope.function} has nothing more to yield"))
        page.end_paragraph()
        self.active[frame.name] -= 1
        return page.blocks

    def _tell_items(self, items: Sequence[Item], scope: Scope, page: Page) -> None:
        for item in items:
            if isinstance(item, Loop):
                self._tell_loop(item, scope, page)
            else:
                self._tell_action(item, scope, page)

    def _tell_action(self, action: Action, scope: Scope, page: Page) -> None:
        called = self._tell_calls(action, scope, page)
        for clause in Teller(action, scope, called).tell():
            page.add(clause, action.node)

    def _show_pending(self, scope: Scope, page: Page) -> None:
        names = [name for name in scope.pending if name in scope.known]
        if names:
            page.add(Clause(scope.state(names)))

    def _tell_calls(self, action: Action, scope: Scope, page: Page) -> bool:
        """Tell the calls that a statement makes; say whether there were any of the program's own functions."""
        told = False
        values: list[str] = []
        for index, frame in enumerate(action.frames):
            small = small_kind(frame)
            if small:
                for inner in frame.actions:
                    told = self._tell_calls(inner, scope, page) or told
            if not frame.name:
                self._tell_comprehension(frame, action, page)
            elif small:
                values.append(mapping(frame, self.program))
                last = index + 1 == len(action.frames) or small_kind(action.frames[index + 1]) != small
                if last and (known := [value for value in values if value]):
                    verb = "gives" if small == "<lambda>" else "yields"
                    page.add(
                        Clause(f"the {'lambda' if verb == 'gives' else 'generator expression'} {verb} {listed(known)}")
                    )
                    values = []
            elif self._is_own(frame):
                told = True
                self._tell_call(frame, action.node, scope, page)
            else:
                for inner in frame.actions:
                    told = self._tell_calls(inner, scope, page) or told
        return told

    def _is_own(self, frame: Frame) -> bool:
        """Tell a call of the program from one of a library or of a class body."""
        if frame.name.endswith("__hash__") or (frame.actions and frame.actions[0].raised.startswith("GeneratorExit")):
            return False
        node = self.program.node_at(frame.line, frame.source)
        return node is not None and not isinstance(node, ast.ClassDef)

    def _tell_call(self, frame: Frame, node: ast.AST | None, scope: Scope, page: Page) -> None:
        intro = introduction(frame, scope.frame.name, self.active[frame.name], self.program)
        blocks = self.tell_frame(frame)
        if not blocks:
            page.say(f"{intro}.", node)
        elif len(blocks) == 1 and isinstance(blocks[0], str) and len(blocks[0].split()) <= INLINE_WORDS:
            page.say(f"{intro}: {lower(blocks[0])}", node)
        else:
            page.put(Section(f"{intro}:", blocks), f"back in {scope.function}, ", node)

    def _tell_comprehension(self, frame: Frame, action: Action, page: Page) -> None:
        targets = {name.id for name in comprehension_targets(action.node)}
        runs = [
            f"`{change.name}` {run_of_values(change.text)}"
            for change in frame.arguments
            if change.name in targets and change.text and "<" not in change.text
        ]
        if runs:
            page.add(Clause(listed(runs)))
        value = getattr(action.node, "value", None)
        kinds: dict[str, type[Comprehension]] = {"List": ast.ListComp, "Set": ast.SetComp, "Dict": ast.DictComp}
        kind = kinds[frame.kind]
        nodes = [part for part in own_parts(action.node) if isinstance(part, kind)]
        exact = exact_text(frame.value)
        if exact and value not in nodes and len(nodes) == 1:
            page.add(Clause(f"{collecting(nodes[0])} gives `{exact}`"))

    def _tell_loop(self, loop: Loop, scope: Scope, page: Page) -> None:
        ran = [iteration for iteration in loop.iterations if iteration.items]
        intro = loop_intro(loop, scope)
        points: list[Block] = []
        rest = list(loop.iterations)
        scope.loops += 1
        while rest:
            alike = count_alike(rest)
            if alike > 1:
                points.append(self._tell_alike(loop, rest[:alike], scope))
            else:
                points += self._tell_iteration(loop, rest[0], scope, len(ran) > 1)
            rest = rest[max(alike, 1) :]
        scope.loops -= 1
        text = " ".join(point for point in points if isinstance(point, str))
        if ran and not points:  # a generator that ended where it had stopped
            return
        if not ran:
            page.say(text or f"{intro} there is nothing to do.", loop.node)
        elif len(ran) == 1 and all(isinstance(point, str) for point in points) and len(text.split()) <= INLINE_WORDS:
            page.say(f"{intro}: {lower(text)}", loop.node)
        else:
            page.put(Section(f"{intro}:", points), "after the loop, ", loop.node)
            if not scope.loops:
                self._show_pending(scope, page)

    def _tell_header(self, node: ast.AST, header: Action, ran: bool, scope: Scope, page: Page) -> str:
        """Tell what a visit of a loop's header did; give the label of the iteration that it began."""
        self._tell_calls(header, scope, page)
        before = dict(scope.known)
        scope.update(header)
        if header.raised:
            page.add(Clause(f"this raises `{header.raised}`"))
        elif not isinstance(node, ast.While):
            return round_label(node, scope) if ran else ""
        elif not isinstance(node.test, ast.Constant):
            if header.changes:
                shown = listed([scope.show(change.name) for change in header.changes])
                page.add(Clause(f"working out `{write(node.test)}` leaves {shown}", "alone"))
            clause = scope.test(node.test, ran, before, brief=True)
            clause.consequence = node.body
            page.add(clause)
            if not ran:
                page.add(Clause("the loop ends"), node.body[0])
        return ""

    def _tell_iteration(self, loop: Loop, iteration: Iteration, scope: Scope, several: bool) -> list[Block]:
        page, label, node = Page(), "", loop.node
        if iteration.header:
            label = self._tell_header(node, iteration.header, bool(iteration.items), scope, page)
        if several and isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
            label = "First round" if iteration is loop.iterations[0] else "Next round"
        self._tell_items(iteration.items, scope, page)
        page.end_paragraph()
        if not label:
            return _grouped(page.blocks)
        first = page.blocks[0] if page.blocks and isinstance(page.blocks[0], str) else ""
        if first:
            return _grouped([f"{label}: {lower(first)}", *page.blocks[1:]])
        if len(page.blocks) == 1 and isinstance(section := page.blocks[0], Section):
            return [Section(f"{label}: {lower(section.intro)}", section.points)]
        return _grouped([f"{label}:", *page.blocks]) if page.blocks else [f"{label}: nothing happens."]

    def _tell_alike(self, loop: Loop, iterations: Sequence[Iteration], scope: Scope) -> str:
        """Tell iterations together in which the same conditions went the same way and nothing else happened."""
        labels, page = [], Page()
        for iteration in iterations:
            if iteration.header:
                scope.update(iteration.header)
            labels.append([(name, scope.known[name]) for name in loop_names(loop.node) if name in scope.known])
        bare = {name: text for name, text in scope.known.items() if name not in loop_names(loop.node)}
        for item in iterations[0].items:
            if isinstance(item, Action) and isinstance(item.node, ast.If):
                page.add(scope.test(item.node.test, inside(item.following, item.node.body), bare, brief=True))
            elif isinstance(item, Action):
                for clause in Teller(item, scope, False).tell():
                    page.add(clause, item.node)
        page.end_paragraph()
        text = " ".join(block for block in page.blocks if isinstance(block, str))
        return f"{joint_label(labels)}: {'each time ' + lower(text) if text else 'nothing happens.'}"


def _grouped(blocks: Sequence[Block]) -> list[Block]:
    """Make one point of an iteration: its first paragraph introduces the rest."""
    if len(blocks) > 1 and isinstance(blocks[0], str):
        return [Section(blocks[0], list(blocks[1:]))]
    return list(blocks)


def write_reasoning(refcode: str, funcname: str, arguments: dict[str, Any], trace: str, returned: str) -> str:
    """Write the reasoning that leads from code and input to the output.

    Args:
        refcode: Source of the program.
        funcname: Function that was called.
        arguments: Keyword arguments of the call.
        trace: Text that snoop printed; its line numbers are those of `refcode`.
        returned: JSON text of the exact return value.

    Returns:
        Markdown text without code blocks, whose last line is ``**Final output:** `<value>` `` with the Python literal
        of the value. A trace that cannot be followed gives a shorter text, not an error.
    """
    program = Program(refcode)
    given = {name: repr(value) for name, value in arguments.items()}
    start = f"`{funcname}` is called" + (
        f" with {listed([assigned(*pair) for pair in given.items()])}" if given else ""
    )
    blocks: list[Block] = [f"{start}."]
    writer = _Writer(program)
    try:
        for frame in read_frames(trace, program):
            blocks += writer.tell_frame(frame, given)
        text = render(blocks)
    except RecursionError:  # calls or expressions nested deeper than they can be told
        text = render(blocks[:1])
    return f"{text}\n\n**Final output:** `{_python_text(returned)}`"


def _python_text(returned: str) -> str:
    try:
        return repr(json.loads(returned))
    except ValueError:  # not JSON, or an integer beyond the digits that Python converts
        return returned
