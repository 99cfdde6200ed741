"""Counting: is the trace of a call too long? Found out at the full speed of the program.

``sys.settrace`` slows down every instruction, also where nothing is traced, and most pairs of a corpus only come to the
end "too long". So they run a copy of the program that ticks: every function begins with ``enter``, which adds the lines
that the trace of a call has in any case, and before every statement that a trace would show stands a ``tick``. The
tick that reaches the limit ends the run.

A call that is too long is given up by an exception, and the next call of the same program is made in the same process:
only of the first call all outcomes count, of the others "too long" alone, so what a call may find changed by those
before it can at most cost its problem a pair.

The count is never more than the lines of the trace, and mostly not far from it. What it misses (lines of the standard
library, of comprehensions, values that change) costs time and nothing else: what the count lets pass is traced, and
measured, in full.
"""

from __future__ import annotations

import _thread
import ast
import inspect
import operator
import os
import re
import sys
from collections.abc import Callable, Sequence
from itertools import chain, repeat
from types import CodeType, FrameType
from typing import Any, NoReturn

from execground_ray.tracing.calls import Calls, RunEnd, TooLong
from execground_ray.tracing.program import (
    FILENAME,
    Program,
    RunLimits,
    Runner,
    Send,
    Tell,
    call_depth,
    fresh_builtins,
    normalize_newlines,
    targets_in,
)

# No program can use these names: they are none.
TICK, ENTER = "@tick", "@enter"
LOOKS_AT_ITSELF = re.compile(r"\b(?:locals\b|_getframe\b|(?:vars|dir)\(\s*\))")
POSITION: Any = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}
TICK_CALL = ast.Expr(ast.Call(ast.Name(TICK, ast.Load(), **POSITION), [], [], **POSITION), **POSITION)
ENTER_CALL = ast.Assign(
    [ast.Name(TICK, ast.Store(), **POSITION)],
    ast.Call(ast.Name(ENTER, ast.Load(), **POSITION), [], [], **POSITION),
    **POSITION,
)
SHOWN = (
    *(ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.Expr, ast.Return, ast.Raise, ast.If, ast.With),
    *(ast.Match, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom),
)
do_nothing: Callable[[], None] = repeat(None).__next__


def add_ticks(tree: ast.Module) -> None:
    """Turn a program into its ticking copy, in place."""
    tree.body = _with_ticks(tree.body, 0, shown=False)


def _with_ticks(body: list[ast.stmt], line: int, *, shown: bool) -> list[ast.stmt]:
    """Return the statements of a block with their ticks.

    Args:
        body: the statements.
        line: what stands on this line or before it has been shown already.
        shown: whether the block is one of a function.
    """
    ticking: list[ast.stmt] = []
    for statement in body:
        if shown and statement.lineno > line and _has_a_line(statement):
            ticking.append(TICK_CALL)
        line = statement.end_lineno or line
        _tick_inside(statement, shown=shown)
        ticking.append(statement)
    return ticking


def _has_a_line(statement: ast.stmt) -> bool:
    """Tell whether a statement is compiled to anything, and shown in any case; loops tick in their rounds."""
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.If):
        return not isinstance(statement.test, ast.Constant)
    if isinstance(statement, ast.AnnAssign):
        return statement.value is not None
    return isinstance(statement, SHOWN)


def _tick_inside(statement: ast.stmt, *, shown: bool) -> None:
    line = statement.lineno
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            documented = int(ast.get_docstring(statement, clean=False) is not None)
            rest = _with_ticks(statement.body[documented:], line, shown=True)
            statement.body = [*statement.body[:documented], ENTER_CALL, *rest]
            return
        case ast.ClassDef():
            statement.body = _with_ticks(statement.body, line, shown=False)
            return
        case ast.Match():
            for case in statement.cases:
                last = case.guard or case.pattern
                case.body = _with_ticks(case.body, last.end_lineno or line, shown=shown)
            return
        case ast.If() | ast.While():
            line = statement.test.end_lineno or line
        case ast.For() | ast.AsyncFor():
            line = statement.iter.end_lineno or line
        case ast.With() | ast.AsyncWith():
            last_item = statement.items[-1]
            line = (last_item.optional_vars or last_item.context_expr).end_lineno or line
        case ast.Try() | ast.TryStar():
            for handler in statement.handlers:
                handler.body = _with_ticks(handler.body, (handler.type or handler).lineno, shown=shown)
        case _:
            return
    _tick_in_blocks(statement, line, shown=shown)


def _tick_in_blocks(statement: Any, line: int, *, shown: bool) -> None:
    """Add ticks to the blocks of a compound statement; ``line`` is the last one of its head."""
    is_loop = isinstance(statement, ast.For | ast.AsyncFor | ast.While)
    is_endless = isinstance(statement, ast.While) and isinstance(statement.test, ast.Constant)  # its head has no code
    for name in ("body", "orelse", "finalbody"):
        body = getattr(statement, name, None)
        if not body:
            continue
        end = body[-1].end_lineno
        ticking = _with_ticks(body, line, shown=shown)
        if name == "body" and is_loop and shown and not is_endless:
            ticking.insert(0, TICK_CALL)
        setattr(statement, name, ticking)
        line = end


class LineCounter:
    """Counts, without formatting anything, how many lines the trace of a call has at least.

    Args:
        calls: those that have a trace.
        max_lines: the run ends with TooLong when the count reaches this.
        end: called with the RunEnd by every tick from then on; must not return.
    """

    def __init__(self, calls: Calls, max_lines: int, end: Callable[[RunEnd], None]) -> None:
        self._calls = calls
        self._max_lines = max_lines
        self._left = repeat(None, max_lines - 1)
        self._places: dict[int, int] = {}  # by caller, the instruction at which it called last
        self._tick: Callable[[], None] = chain(self._left, _Overrun(end)).__next__

    @property
    def lines(self) -> int:
        """The count."""
        return self._max_lines - 1 - operator.length_hint(self._left)

    def enter(self) -> Callable[[], None]:
        """Count the lines of a call: its start, its arguments and its end; return what counts the lines between."""
        frame = sys._getframe(1)
        if not self._calls.have(frame):
            return do_nothing
        lines = _lines_of_call(frame.f_code) - self._calls.is_target(frame.f_code) - self._is_called_on(frame.f_back)
        for _ in range(lines):
            self._tick()
        return self._tick

    def _is_called_on(self, caller: FrameType | None) -> bool:
        """Whether the caller is where it was at its last call: ``sorted`` or ``list`` call on, with no way back."""
        if caller is None:
            return False
        before, self._places[id(caller)] = self._places.get(id(caller)), caller.f_lasti
        return before == caller.f_lasti


class _Overrun:
    """What ticks meet behind the limit: an iterator that never ends, as a program may catch what is raised."""

    def __init__(self, end: Callable[[RunEnd], None]) -> None:
        self._end = end

    def __iter__(self) -> _Overrun:
        return self

    def __next__(self) -> None:
        self._end(TooLong())


def _lines_of_call(code: CodeType) -> int:
    """Return how many lines a call adds at least: two where it starts, its arguments, its end and the way back."""
    arguments = code.co_argcount + code.co_kwonlyargcount
    arguments += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    has_no_end = code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR)
    return arguments + (2 if has_no_end else 4)


class CountingRunner(Runner):
    """Runs programs without writing a trace; a call ends as soon as its trace would be too long."""

    def __init__(self, limits: RunLimits) -> None:
        """See ``Runner``."""
        super().__init__(limits)
        self._is_too_long = self._is_last = False

    def run(self, program: Program, calls: Sequence[dict[str, Any]], send: Send, tell_too_long: Tell) -> NoReturn:
        """Make the calls, one after the other, until one is not too long; see ``Runner``."""
        self._send, self._tell_too_long = send, tell_too_long
        for number, arguments in enumerate(calls, 1):
            self._is_too_long, self._is_last = False, number == len(calls)
            try:
                self._run_call(program, arguments)
            except TooLong:
                self._builtins = fresh_builtins()
        os._exit(0)

    def _stop(self, end: RunEnd) -> NoReturn:
        if not isinstance(end, TooLong):
            super()._stop(end)
        if self._is_too_long:  # the program has caught it
            os._exit(0)
        self._tell_too_long()
        self._is_too_long = True
        if self._is_last or _thread._count():  # what other threads do would get into the next call
            os._exit(0)
        raise end

    def _finish(self, outcome: str, detail: str, value: str = "", trace: str = "") -> NoReturn:
        if self._is_too_long:
            os._exit(0)
        super()._finish(outcome, detail, value, trace)

    def prepare(self, refcode: str, funcname: str) -> Program:
        """Compile the copy that ticks; of a program that looks at itself, the program: it must not see the ticks.

        Raises:
            SyntaxError, ValueError: if it does not compile.
        """
        text = normalize_newlines(refcode)
        ticking: Any = text
        if not LOOKS_AT_ITSELF.search(text):
            try:
                ticking = ast.parse(text, FILENAME)
                add_ticks(ticking)
            except RecursionError:  # deeper than its tree can be built, not deeper than it can be compiled
                ticking = text
        code = compile(ticking, FILENAME, "exec", dont_inherit=True)
        return Program(text, code, funcname, targets_in(code, funcname), call_depth(text))

    def _define(self, program: Program) -> Callable[..., Any]:
        self._builtins.__dict__[ENTER] = lambda: do_nothing  # a module that calls its own functions is not traced
        return super()._define(program)

    def _call(self, program: Program, function: Callable[..., Any], arguments: dict[str, Any]) -> tuple[Any, str]:
        calls = Calls(program.targets, program.depth)
        self._builtins.__dict__[ENTER] = LineCounter(calls, self._limits.max_lines, self._stop).enter
        return function(**arguments), ""
