"""Reads the text of a snoop trace back into what happened: calls, statements, loops with their iterations.

In come the code and the trace text; out comes the tree of `Frame`, `Action`, `Loop` that the template writer tells.
A trace prints a line BEFORE it runs and the variables that it changed AFTER it; a line is printed again, without
running again, when a call made from it is over. All of that is undone here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from execground_ray.translators.template.citations import Lines
from execground_ray.translators.template.code_map import Node, Program

_LINE = re.compile(r" {0,3}(\d+) \| ?(.*)")
_VARIABLE = re.compile(r"\.{6,} (?:Values of )?([^\s:=]+)(?: =|:) (.*)")
_START = re.compile(r">>> (Call to|Start generator|Re-enter generator) (.+)")
_COMPREHENSION = re.compile(r"(List|Set|Dict) comprehension:$")
_END = re.compile(r"(?:<<< (Return|Yield) value from .*?|(Result)): (.*)")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(slots=True)
class Change:
    """A variable and the text of its new value."""

    name: str
    text: str


@dataclass(slots=True)
class Action:
    """One run of one statement (or of the header of a compound statement)."""

    line: int
    source: str
    node: Node | None = None  # None: not a line of the code, or several statements in one line
    changes: list[Change] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)  # the calls made from it, in order
    raised: str = ""
    following: int = 0  # line of the next action in the same frame, 0 at the end
    lines: list[int] = field(default_factory=list)  # of the trace, without those of the calls made from it


@dataclass(slots=True)
class Iteration:
    """One visit of a loop header, and what ran in the body after it (nothing: the loop was over)."""

    header: Action | None  # None: the frame was re-entered inside the loop
    items: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class Loop:
    """One run of a `for` or `while` statement."""

    node: ast.For | ast.AsyncFor | ast.While
    iterations: list[Iteration] = field(default_factory=list)


Item = Action | Loop


@dataclass(slots=True)
class Frame:
    """One call, one stretch of a generator, or one comprehension."""

    kind: str  # "Call to", "Start generator", "Re-enter generator", "List", "Set", "Dict"
    name: str  # qualified name, "" for a comprehension
    line: int = 0
    source: str = ""
    arguments: list[Change] = field(
        default_factory=list
    )  # parameters and closure variables, or values of a comprehension
    actions: list[Action] = field(default_factory=list)
    ended: str = ""  # "Return", "Yield", "Result", "" when by an exception or not at all
    value: str = ""
    resuming: bool = False  # the next line is a repetition after a call
    opening: list[int] = field(default_factory=list)  # lines of the trace up to the first action
    closing: list[int] = field(default_factory=list)  # lines of the trace that show how it ended

    @property
    def given_up(self) -> bool:
        """Whether it is a generator that nobody asks any more, and that only ends."""
        return bool(self.actions) and self.actions[0].raised.startswith("GeneratorExit")

    def lines(self) -> Lines:
        """Give all lines of the trace from its first to its last."""
        inner = [frame.lines() for action in self.actions for frame in action.frames]
        return frozenset().union(self.opening, self.closing, *(action.lines for action in self.actions), *inner)


class _Reader:
    """Takes the lines one by one and keeps the stack of open frames."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.stack: list[Frame] = []
        self.roots: list[Frame] = []
        self.tail: Change | Frame | None = None  # where a further line of a printed value belongs
        self.tail_lines: list[int] = []  # and its number
        self.number = 0

    def take(self, raw: str) -> None:
        self.number += 1
        depth = len(self.stack)
        if self._opens(_beneath(raw, depth)):
            return
        text = _beneath(raw, depth - 1) if depth else ""
        if not (text and self._continues(text)):
            self._extend_value(raw.strip())

    def _opens(self, text: str) -> bool:
        if match := _START.match(text):
            frame = Frame(match[1], match[2])
        elif match := _COMPREHENSION.match(text):
            frame = Frame(match[1], "")
        else:
            return False
        frame.opening.append(self.number)
        if self.stack:
            parent = self.stack[-1]
            parent.resuming = True
            if not parent.actions:
                parent.actions.append(self._action(parent.line, parent.source))
            parent.actions[-1].frames.append(frame)
        else:
            self.roots.append(frame)
        self.stack.append(frame)
        return True

    def _action(self, line: int, source: str) -> Action:
        return Action(line, source, self.program.node_at(line, source))

    def _continues(self, text: str) -> bool:
        frame = self.stack[-1]
        if match := _LINE.match(text):
            self._line(frame, int(match[1]), match[2])
        elif match := _VARIABLE.match(text):
            change = Change(match[1], match[2])
            action = frame.actions[-1] if frame.actions and frame.name else None
            (action.changes if action else frame.arguments).append(change)
            self._keep(change, action.lines if action else frame.opening)
        elif match := _END.match(text):
            frame.ended, frame.value = match[1] or match[2], match[3]
            self._keep(frame, frame.closing)
            self.stack.pop()
        elif text.startswith(("!!! Call ended by", "??? Call either")):
            self._keep(None, frame.closing)
            self.stack.pop()
        elif text.startswith("!!! "):
            if frame.actions and not frame.actions[-1].raised and not text.startswith("!!! When "):
                frame.actions[-1].raised = text[4:]
            self._keep(None, frame.actions[-1].lines if frame.actions else frame.opening)
        elif text.startswith(".......") and " Iterating over " in text:
            frame.opening.append(self.number)
        else:
            return False
        return True

    def _keep(self, tail: Change | Frame | None, lines: list[int]) -> None:
        self.tail, self.tail_lines = tail, lines
        lines.append(self.number)

    def _line(self, frame: Frame, line: int, source: str) -> None:
        self.tail = None
        if frame.line == 0:
            frame.line, frame.source = line, source
            if frame.kind != "Re-enter generator":
                frame.opening.append(self.number)
                return
        resumed, frame.resuming = frame.resuming, False
        last = frame.actions[-1] if frame.actions else None
        if last and resumed and last.line == line:
            last.lines.append(self.number)
            return
        action = self._action(line, source)
        action.lines.append(self.number)
        merges = action.node is not None and line not in self.program.crowded
        if last and merges and last.node is action.node and not last.raised:
            last.line = line
            last.lines.append(self.number)
            return
        if last:
            last.following = line
        frame.actions.append(action)

    def _extend_value(self, text: str) -> None:
        if isinstance(self.tail, Change):
            self.tail.text += " " + text
        elif isinstance(self.tail, Frame):
            self.tail.value += " " + text
        if self.tail:
            self.tail_lines.append(self.number)


def _beneath(raw: str, depth: int) -> str:
    """Strip the indentation of a depth, or give "" when the line is not indented that far."""
    width = 1 + 4 * depth
    return raw[width:] if raw[:width].isspace() else ""


def read_frames(trace: str, program: Program) -> list[Frame]:
    """Read the text of a trace.

    Args:
        trace: Text as snoop prints it, line numbers being those of the code. Memory addresses are dropped;
            a value that was printed on several lines is joined with single blanks.
        program: The traced code.

    Returns:
        The outermost frames, normally one. Lines that are not understood are left out.
    """
    reader = _Reader(program)
    text = _ADDRESS.sub("", trace)
    for raw in (text if text.startswith(" ") else " " + text).removesuffix("\n").split("\n"):
        reader.take(raw)
    return reader.roots


def fold_loops(actions: Sequence[Action], program: Program) -> list[Item]:
    """Arrange the actions of one frame by loops and iterations.

    Args:
        actions: What ran in the frame, in order.
        program: The traced code.

    Returns:
        Actions outside any loop, and loops that hold theirs.
    """
    root: list[Item] = []
    open_loops: list[Loop] = []
    for action in actions:
        around = program.loops.get(action.node, ()) if action.node else tuple(loop.node for loop in open_loops)
        while open_loops and open_loops[-1].node not in around and open_loops[-1].node is not action.node:
            open_loops.pop()
        for node in around[len(open_loops) :]:
            _open(node, None, open_loops, root)
        if isinstance(action.node, ast.For | ast.AsyncFor | ast.While) and action.line not in program.crowded:
            if open_loops and open_loops[-1].node is action.node:
                open_loops[-1].iterations.append(Iteration(action))
            else:
                _open(action.node, action, open_loops, root)
        else:
            _innermost(open_loops, root).append(action)
    return root


def _open(node: ast.stmt, header: Action | None, open_loops: list[Loop], root: list[Item]) -> None:
    assert isinstance(node, ast.For | ast.AsyncFor | ast.While)  # noqa: S101 - narrows the type
    loop = Loop(node, [Iteration(header)])
    _innermost(open_loops, root).append(loop)
    open_loops.append(loop)


def _innermost(open_loops: Sequence[Loop], root: list[Item]) -> list[Item]:
    return open_loops[-1].iterations[-1].items if open_loops else root
