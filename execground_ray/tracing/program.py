"""One program and the runs of it, inside the cage, each in a process of its own.

In comes a program (prepared once, shared by all its runs) and the arguments of one call; out goes how the call ended,
the exact value that it returned and, from ``tracer.TracingRunner``, its trace; ``counting.CountingRunner`` only finds
out whether a trace would be too long.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import io
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any, Literal, NoReturn

from execground_ray.python.values import Expression
from execground_ray.records import FUNCTION, PYEDU, STDIN
from execground_ray.tracing.calls import Raised, RunEnd, TooLong, TurnedOff
from execground_ray.tracing.values import UnsupportedValueError, to_json

FILENAME = "main.py"
EVIDENCE_BYTES = 4_000_000  # evidence must have fewer
DEFINITION = re.compile(r"\bdef\s+\w+\s*\([^)\n]*\)")
Send = Callable[..., None]  # takes outcome, detail, value, trace and evidence, all of them text
Tell = Callable[[], None]

WARM_UP_RUNS = 30  # CPython 3.11 specializes a function after some calls
WARM_UP = """
def pick(items, least):
    for item in items:
        if item >= least:
            yield item

def main_solution(words, count):
    total, seen = 0.5, {}
    for word in words:
        seen[word] = [(word, n) for n in range(count)]
        total += len(word)
    chosen = list(pick(range(count), 1))
    return {"total": total, "seen": [len(items) for items in seen.values()], "chosen": chosen, "none": None}
"""


class _WarmError(Exception):
    """Thrown where a real run would end its process."""


def _end_warm_up(*_: str) -> None:
    raise _WarmError


@dataclass(frozen=True)
class RunLimits:
    """What one run may use, and may do.

    Attributes:
        max_lines: a trace must have fewer lines.
        result_bytes: the trace, and the returned value as JSON, must each have fewer characters.
        timeout_seconds: CPU time; a run that only waits may take longer, see ``worker``.
        memory_mb: address space beyond what the idle worker has.
        exceptions: whether one that passes through a traced call ends the run (``reject``), or may be ``handled``.
    """

    max_lines: int
    result_bytes: int
    timeout_seconds: float
    memory_mb: int
    exceptions: Literal["reject", "handled"] = "handled"


@dataclass(frozen=True)
class Program:
    """A program, compiled and ready to be run in a fork.

    Attributes:
        text: its source.
        code: what is executed.
        funcname: the function to call.
        targets: its code objects.
        depth: how many levels of calls are traced, the function itself included.
    """

    text: str
    code: CodeType
    funcname: str
    targets: tuple[CodeType, ...]
    depth: int


def normalize_newlines(text: str) -> str:
    """Give ``text`` the line ends that Python gives a source file when it reads it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def call_depth(text: str) -> int:
    """Return how many levels to trace: the reference's rule is as many as the source has function definitions."""
    return max(1, len(DEFINITION.findall(text)))


def targets_in(code: CodeType, funcname: str) -> tuple[CodeType, ...]:
    """Return the code of the functions of this name that a module defines."""
    found = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return tuple(constant for constant in found if constant.co_name == funcname)


def untraced(program: Program) -> str:
    """Say why a call that returned has left no trace."""
    if not program.targets:
        return f"{program.funcname} is not made by a def of its own, so that nothing of it can be traced"
    return "the program ended or turned off its own tracing"


def fresh_builtins() -> ModuleType:
    """Return builtins for a program: what it replaces in them is not what the tracer uses."""
    module = ModuleType("builtins")
    module.__dict__.update(builtins.__dict__)
    return module


class Runner(ABC):
    """Runs programs; made once, used once in every fork: what it has done before the fork is shared by all.

    Args:
        limits: see ``RunLimits``; time and memory are the worker's to enforce.
    """

    def __init__(self, limits: RunLimits) -> None:
        self._limits = limits
        self._send: Send = _end_warm_up
        self._tell_too_long: Tell = _end_warm_up
        self._builtins = fresh_builtins()
        self.layout = PYEDU  # of the problem: how its program is called, see ``records.Problem``
        self.watches: Sequence[str] = ()  # what a witness looks up besides, see ``watches``

    @abstractmethod
    def prepare(self, refcode: str, funcname: str) -> Program:
        """Compile a program, and do all that its runs have in common.

        Raises:
            SyntaxError, ValueError: if it does not compile.
        """

    @abstractmethod
    def _call(self, program: Program, function: Callable[..., Any], arguments: dict[str, Any]) -> tuple[Any, str]:
        """Call the function; return its value and the trace."""

    def _evidence(self) -> str:
        """Return what else is known of a call that has returned."""
        return ""

    def run(self, program: Program, calls: Sequence[dict[str, Any]], send: Send, tell_too_long: Tell) -> NoReturn:
        """Run a program until the outcome of its first call is known, and of more calls if that costs nothing.

        Args:
            program: what to run.
            calls: the arguments of each, by name.
            send: takes outcome, detail, value, trace and evidence of the first call; then the process ends.
            tell_too_long: called once for each call whose trace is too long, in their order.
        """
        self._send, self._tell_too_long = send, tell_too_long
        self._run_call(program, calls[0])

    def _run_call(self, program: Program, arguments: dict[str, Any]) -> NoReturn:
        printed = None
        try:
            if self.layout == STDIN:
                printed, arguments = _standard_streams(arguments["stdin"]), {}
            elif self.layout == FUNCTION:
                arguments = {name: _evaluated(value) for name, value in arguments.items()}
            value, trace = self._call(program, self._define(program), arguments)
            if printed is not None:
                value = _text_of(printed)
        except TooLong:
            raise
        except BaseException as error:
            self._stop(Raised(error))
        try:
            text = to_json(value, exact=self.layout == FUNCTION)
        except (UnsupportedValueError, RecursionError) as error:
            self._finish("unsupported_value", str(error))
        except MemoryError as error:
            self._stop(Raised(error))
        if len(text) >= self._limits.result_bytes:
            self._finish("unsupported_value", f"its JSON has {len(text)} characters")
        self._finish("returned", "", value=text, trace=trace)

    def warm_up(self) -> None:
        """Run a small program some times here, so that no fork has to begin with cold code."""
        program = self.prepare(WARM_UP, "main_solution")
        kept = {name: sys.modules[name] for name in ("__main__", "builtins")}
        for _ in range(WARM_UP_RUNS):
            with contextlib.suppress(_WarmError):
                self.run(program, [{"words": ["a", "b"], "count": 3}], _end_warm_up, _end_warm_up)
        sys.modules.update(kept)

    def _define(self, program: Program) -> Callable[..., Any]:
        main = ModuleType("__main__")
        main.__dict__.update(__file__=FILENAME, __builtins__=self._builtins)
        sys.modules.update(__main__=main, builtins=self._builtins)
        exec(program.code, main.__dict__)  # noqa: S102  (what this project is for; see sandbox)
        function: Callable[..., Any] = getattr(main, program.funcname)
        return function

    def _stop(self, end: RunEnd) -> NoReturn:
        sys.settrace(None)
        if isinstance(end, TurnedOff):
            self._finish("no_return", "the program turned off its own tracing")
        if isinstance(end, TooLong):
            self._tell_too_long()
            os._exit(0)
        error = end.error if isinstance(end, Raised) else None
        if isinstance(error, MemoryError):
            self._finish("memory", f"more than {self._limits.memory_mb} MB")
        self._finish("exception", _describe(error))

    def _finish(self, outcome: str, detail: str, value: str = "", trace: str = "") -> NoReturn:
        gc.disable()
        self._send(outcome, detail, value, trace, self._evidence() if outcome == "returned" else "")
        os._exit(0)


def _standard_streams(given: str) -> io.TextIOWrapper:
    """Let the program read a text from standard input, and return what gathers what it prints."""
    sys.stdin = io.TextIOWrapper(io.BytesIO(given.encode()), "utf-8")
    sys.stdout = io.TextIOWrapper(io.BytesIO(), "utf-8")
    return sys.stdout


def _text_of(printed: io.TextIOWrapper) -> str:
    io.TextIOWrapper.flush(printed)
    buffer = printed.buffer
    assert isinstance(buffer, io.BytesIO)  # noqa: S101
    return buffer.getvalue().decode()


def _evaluated(value: Any) -> Any:
    """The value of an argument whose source is not a literal."""
    return eval(value, {}) if isinstance(value, Expression) else value  # noqa: S307  (in the cage, as all of it)


def _describe(error: BaseException | None) -> str:
    """Name an exception; its own ``__str__`` may do anything, and is given one chance."""
    if error is None:
        return "a call ended by an exception"
    name = type(error).__name__
    try:
        return f"{name}: {error}"[:200]
    except BaseException:
        return str(name)
