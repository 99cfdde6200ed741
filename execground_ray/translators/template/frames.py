"""Tells what happened in a call: its statements, the calls that they make, its loops round by round.

In come frames of a trace; out come paragraphs and lists, each sentence with the lines of the trace that it tells.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from execground_ray.translators.template.call_phrases import (
    introduction,
    mapping,
    run_of_values,
    short_name,
    small_kind,
)
from execground_ray.translators.template.citations import (
    NO_LINES,
    Lines,
    Paragraph,
    Sentence,
    begun,
    count_words,
    joined,
)
from execground_ray.translators.template.code_map import Program, inside, own_parts
from execground_ray.translators.template.iterations import (
    count_alike,
    is_called,
    joint_label,
    loop_intro,
    loop_lines,
    loop_names,
    made_before,
    round_label,
)
from execground_ray.translators.template.marks import code
from execground_ray.translators.template.paragraphs import Block, Page, Section, grouped
from execground_ray.translators.template.scope import Scope, global_values
from execground_ray.translators.template.sentences import Teller, comprehension_source, comprehension_targets
from execground_ray.translators.template.substitution import write
from execground_ray.translators.template.trace_reader import (
    Action,
    Frame,
    Item,
    Iteration,
    Loop,
    fold_loops,
)
from execground_ray.translators.template.wording import Clause, Comprehension, collecting, exact_text, listed

INLINE_WORDS = 45  # a call or a loop told in fewer words stays in the paragraph


class FrameWriter:
    """Tells frames; holds what is remembered over all of them.

    Args:
        program: The code that was traced.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.seen: set[ast.AST] = set()
        self.active: Counter[str] = Counter()  # open calls by function, for the depth of a recursion
        self.globals = global_values(program.tree)

    def tell_frame(self, frame: Frame, given: Mapping[str, str] | None = None) -> list[Block]:
        """Tell a call from its first line to its return."""
        self.active[frame.name] += 1
        scope = Scope(self.program, frame, code(short_name(frame.name)), dict(self.globals), self.seen)
        scope.known.update({change.name: change.text for change in frame.arguments})
        if frame.kind == "Call to":
            scope.known.update(given or {})
        page = Page()
        self._tell_items(fold_loops(frame.actions, self.program), scope, page)
        if frame.ended == "Return" and "generator" in frame.kind:
            page.add(Clause(f"{scope.function} has nothing more to yield", lines=frozenset(frame.closing)))
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
        clauses = Teller(action, scope, called).tell()
        if not clauses and not _prints(action.node):
            page.wait(action.lines)
        for clause in clauses:
            page.add(clause, action.node)

    def _show_pending(self, scope: Scope, page: Page) -> None:
        names = [name for name in scope.pending if name in scope.known]
        if names:
            lines = NO_LINES.union(*(scope.pending[name] for name in names))
            page.add(Clause(scope.state(names), lines=lines))

    def _tell_calls(self, action: Action, scope: Scope, page: Page) -> bool:
        """Tell the calls that a statement makes; say whether there were any of the program's own functions."""
        told = False
        values: list[str] = []
        lines: Lines = NO_LINES
        for index, frame in enumerate(action.frames):
            small = small_kind(frame)
            if not frame.name:
                self._tell_comprehension(frame, action, scope, page)
            elif small:
                for inner in frame.actions:
                    told = self._tell_calls(inner, scope, page) or told
                values.append(mapping(frame, self.program))
                lines |= frame.lines()
                if index + 1 == len(action.frames) or small_kind(action.frames[index + 1]) != small:
                    self._tell_small(small, [value for value in values if value], lines, page)
                    values, lines = [], NO_LINES
            elif self._is_own(frame):
                told = True
                self._tell_call(frame, action, scope, page)
            else:
                page.wait(frame.lines())
                for inner in frame.actions:
                    told = self._tell_calls(inner, scope, page) or told
        return told

    def _tell_small(self, kind: str, values: Sequence[str], lines: Lines, page: Page) -> None:
        page.wait(lines)
        if values:
            verb = "the lambda gives" if kind == "<lambda>" else "the generator expression yields"
            page.add(Clause(f"{verb} {listed(values)}"))

    def _is_own(self, frame: Frame) -> bool:
        """Tell a call of the program from one of a library or of a class body."""
        if frame.name.endswith("__hash__") or frame.given_up:
            return False
        node = self.program.node_at(frame.line, frame.source)
        return node is not None and not isinstance(node, ast.ClassDef)

    def _tell_call(self, frame: Frame, action: Action, scope: Scope, page: Page) -> None:
        intro = introduction(frame, scope.frame.name, self.active[frame.name], self.program)
        lines = frozenset(frame.opening).union(line for line in action.lines if line < frame.opening[0])
        blocks = self.tell_frame(frame)
        if not blocks:
            page.say([Sentence(intro, ".", lines | frame.lines())], action.node)
        elif len(blocks) == 1 and isinstance(blocks[0], list) and count_words(blocks[0]) <= INLINE_WORDS:
            page.say(begun(f"{intro}: ", blocks[0], lines), action.node)
        else:
            section = Section([Sentence(intro, ":", lines)], blocks)
            page.put(section, f"back in {scope.function}, ", action.node)

    def _tell_comprehension(self, frame: Frame, action: Action, scope: Scope, page: Page) -> None:
        page.wait(frame.lines())
        targets = {name.id for name in comprehension_targets(action.node)}
        every = partial(comprehension_source, action.node, known=scope.known)
        runs = [
            f"{code(change.name)} {run_of_values(change.text, every(change.name))}"
            for change in frame.arguments
            if change.name in targets and change.text and "<" not in change.text
        ]
        if runs:
            page.add(Clause(listed(runs), lines=frozenset(action.lines[:1])))
        value = getattr(action.node, "value", None)
        kinds: dict[str, type[Comprehension]] = {"List": ast.ListComp, "Set": ast.SetComp, "Dict": ast.DictComp}
        kind = kinds[frame.kind]
        nodes = [part for part in own_parts(action.node) if isinstance(part, kind)]
        exact = exact_text(frame.value)
        if exact and value not in nodes and len(nodes) == 1:
            page.add(Clause(f"{collecting(nodes[0])} gives {code(exact)}", lines=frame.lines()))

    def _tell_loop(self, loop: Loop, scope: Scope, page: Page) -> None:
        values = self._tell_source(loop, scope, page)
        ran = [iteration for iteration in loop.iterations if iteration.items]
        intro, lines = loop_intro(loop, scope, values), loop_lines(loop, scope)
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
        text = joined(point for point in points if isinstance(point, list))
        if ran and not points:  # a generator that ended where it had stopped
            page.wait(lines)
        elif not ran:
            for point in points:
                self._put_block(point, page, loop.node)
            if not isinstance(loop.node, ast.While):
                page.say([Sentence(f"{intro} there is nothing to do", ".", lines)], loop.node)
        elif len(ran) == 1 and all(isinstance(point, list) for point in points) and count_words(text) <= INLINE_WORDS:
            page.say(begun(f"{intro}: ", text, lines), loop.node)
        else:
            page.put(Section([Sentence(intro, ":", lines)], points), "after the loop, ", loop.node)
            if not scope.loops:
                self._show_pending(scope, page)

    def _tell_source(self, loop: Loop, scope: Scope, page: Page) -> str:
        """Tell the calls that made what a loop goes through; give the text of its values if one call returned them."""
        node, header, frames = loop.node, loop.iterations[0].header, made_before(loop)
        if isinstance(node, ast.While) or not header or not frames:
            return ""
        self._tell_calls(replace(header, frames=frames), scope, page)
        page.wait(header.lines[:1])
        header.frames = [frame for frame in header.frames if not any(frame is made for made in frames)]
        last = frames[-1]
        whole = last.ended == "Return" and is_called(last, node.iter, itself=True) and exact_text(last.value) != "None"
        return exact_text(last.value) if whole else ""

    def _put_block(self, block: Block, page: Page, node: ast.AST) -> None:
        if isinstance(block, Section):
            page.put(block, "", node)
        else:
            page.say(block, node)

    def _tell_header(self, node: ast.AST, header: Action, ran: bool, scope: Scope, page: Page) -> str:
        """Tell what a visit of a loop's header did; give the label of the iteration that it began."""
        self._tell_calls(header, scope, page)
        before = dict(scope.known)
        scope.update(header)
        page.wait(header.lines)
        lines = frozenset(header.lines)
        if header.raised:
            is_over = header.raised == "StopIteration" and not isinstance(node, ast.While)
            page.add(Clause("the loop ends" if is_over else f"this raises {code(header.raised)}"))
        elif not isinstance(node, ast.While):
            return round_label(node, scope) if ran else ""
        elif not isinstance(node.test, ast.Constant):
            if header.changes:
                shown = listed([scope.show(change.name) for change in header.changes])
                page.add(Clause(f"working out {code(write(node.test))} leaves {shown}", "alone", lines=lines))
            clause = scope.test(node.test, ran, before, brief=True)
            clause.consequence, clause.lines = node.body, lines
            page.add(clause)
            if not ran:
                page.add(Clause("the loop ends", lines=lines), node.body[0])
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
            return grouped(page.blocks)
        lines = page.waiting.union(iteration.header.lines if iteration.header else ())
        first = page.blocks[0] if page.blocks else None
        if isinstance(first, list):
            return grouped([begun(f"{label}: ", first, lines), *page.blocks[1:]])
        if first and len(page.blocks) == 1:
            return [Section(begun(f"{label}: ", first.intro, lines), first.points)]
        if first:
            return grouped([[Sentence(label, ":", lines)], *page.blocks])
        return [[Sentence(f"{label}: nothing happens", ".", lines)]]

    def _tell_alike(self, loop: Loop, iterations: Sequence[Iteration], scope: Scope) -> Paragraph:
        """Tell iterations together in which the same conditions went the same way and nothing else happened."""
        labels, page = [], Page()
        for iteration in iterations:
            if iteration.header:
                scope.update(iteration.header)
                page.wait(iteration.header.lines)
            labels.append([(name, scope.known[name]) for name in loop_names(loop.node) if name in scope.known])
        bare = {name: text for name, text in scope.known.items() if name not in loop_names(loop.node)}
        start = f"{joint_label(labels)}: "
        for alike in zip(*(iteration.items for iteration in iterations), strict=True):
            item = alike[0]
            if not isinstance(item, Action):
                continue
            page.wait(line for other in alike if isinstance(other, Action) for line in other.lines)
            if isinstance(item.node, ast.If):
                page.add(scope.test(item.node.test, inside(item.following, item.node.body), bare, brief=True))
            else:
                for clause in Teller(item, scope, False).tell():
                    page.add(clause, item.node)
        page.end_paragraph()
        text = joined(block for block in page.blocks if isinstance(block, list))
        return begun(f"{start}each time ", text) if text else [Sentence(f"{start}nothing happens", ".", page.waiting)]


def _prints(node: ast.AST | None) -> bool:
    """Tell a call of `print`, which nobody speaks of."""
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print"
