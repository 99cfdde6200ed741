"""The witness: a tracer that remembers what each line of its record is, and tells the recorder where the program is."""

from __future__ import annotations

import inspect
from types import BuiltinFunctionType, FrameType, FunctionType, ModuleType
from typing import Any

from execground_ray.tracing.inspection import LEAVES
from execground_ray.tracing.program import FILENAME
from execground_ray.tracing.recorder import Recorder, note, record
from execground_ray.tracing.snapshots import Snapshots, SnapshotsFullError
from execground_ray.tracing.tracer import ENDED_BY_EXCEPTION, Tracer, _Code, _Frame, _opname_at
from execground_ray.tracing.watches import Watches

NAMES_PER_LINE = 1_000
MAX_GLOBALS = 50
MAX_FRAMES = 5_000  # once there are so many, calls that have no trace are no more told apart
SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
RECORD_CODE, NOTE_CODE = record.__code__, note.__code__
ENDS = ("RETURN_VALUE", "RETURN_CONST")
_CONSTANT = (FunctionType, ModuleType, BuiltinFunctionType, type)


class Stand:
    """Where a call that has a trace stands.

    Attributes:
        frame: its index.
        line: the record line of the statement that it runs.
        unclaimed: the frames that began in it since its last event.
        names: the values of its variables.
        watched: the values of its watches.
        is_new: whether it has no variables yet.
    """

    __slots__ = ("frame", "is_new", "line", "names", "unclaimed", "watched")

    def __init__(self, frame: int) -> None:
        """Begin."""
        self.frame = frame
        self.line = 0
        self.unclaimed: list[int] = []
        self.names: dict[str, int] = {}
        self.watched: dict[str, int] = {}
        self.is_new = True


class Witness(Tracer):
    """A tracer whose record is the same, and that keeps what evidence needs beside it.

    Attributes:
        kinds: kind, frame, source line, name and owner of each line of the record.
        frames: function, parent, caller's line, call, first line, last line, arguments and returned value of each call.
        names: record line, frame, name or watch, and value of each change.
    """

    def __init__(
        self, recorder: Recorder, snapshots: Snapshots, watched: tuple[dict[str, Any], Watches], *arguments: Any
    ) -> None:
        """Take the recorder, its table of values, the program's globals and watches; then what ``Tracer`` takes."""
        super().__init__(*arguments)
        self._recorder = recorder
        self._snapshots = snapshots
        self._stack: list[Stand] = []
        self._generators: dict[FrameType, Stand] = {}
        self._line_kind, self._line_name = "again", ""
        self._names_end_at = NAMES_PER_LINE
        module, self._watches = watched
        self._globals = module
        self._global_names = _variables_of(module)
        self._global_values: dict[str, int] = {}
        self.kinds: list[tuple[str, int, int, str, int]] = []
        self.frames: list[list[Any]] = []
        self.names: list[tuple[int, int, str, int]] = []

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        """See ``Tracer``."""
        code = frame.f_code
        if code is RECORD_CODE:
            self._recorder.see_value(frame)
            return None
        if code is NOTE_CODE:
            self._recorder.see_note(frame)
            return None
        written = len(self.lines)
        self._line_kind = "again"
        traced = super().__call__(frame, event, arg)
        if traced is None:
            return self._see_inner(frame)
        recorder = self._recorder
        recorder.stand(self._stack[-1] if self._stack else None)
        if len(self.lines) > written:
            recorder.begin_line()
            self._names_end_at = len(self.names) + NAMES_PER_LINE
        return traced

    def _see_inner(self, frame: FrameType) -> Any:
        """Begin a call of the program's that is too deep to have a trace: its values belong to the line that called."""
        code, caller = frame.f_code, self._stack[-1] if self._stack else None
        if caller is None or code.co_filename != FILENAME or code.co_name[:1] == "<" or code.co_flags & SUSPENDED:
            return None
        if len(self.frames) >= MAX_FRAMES:
            self._recorder.miss(caller)
            return None
        stand = Stand(len(self.frames))
        stand.line = caller.line
        caller.unclaimed.append(stand.frame)
        try:
            given = [(name, self._snapshots.index(value)) for name, value in frame.f_locals.items()]
        except SnapshotsFullError:
            self._recorder.miss(caller)
            return None
        self.frames.append([code.co_qualname, caller.frame, caller.line, -1, caller.line, caller.line, given, -1])
        self._stack.append(stand)
        self._recorder.stand(stand)
        frame.f_trace_lines = False
        return self._leave_inner

    def _leave_inner(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "return":
            stand = self._stack.pop()
            if _opname_at(frame, frame.f_lasti) in ENDS:
                try:
                    self.frames[stand.frame][7] = self._snapshots.index(arg)
                except SnapshotsFullError:
                    self._recorder.miss(stand)
            self._recorder.stand(self._stack[-1])
        return self._leave_inner

    def claimed_frames(self) -> list[list[Any]]:
        """Return the frames, each with the call that made it."""
        claims = self._recorder.claims
        return [[*frame[:3], claims.get(number, -1), *frame[4:]] for number, frame in enumerate(self.frames)]

    def _enter(self, frame: FrameType) -> _Frame:
        entered = super()._enter(frame)
        stand = self._generators.get(frame)
        if stand is None:
            stand = self._begin(entered.code)
            if entered.code.yields:
                self._generators[frame] = stand
        stand.line = len(self.lines) + 1
        self._stack.append(stand)
        return entered

    def _begin(self, code: _Code) -> Stand:
        stand = Stand(len(self.frames))
        parent = self._stack[-1] if self._stack else None
        if parent is not None:
            parent.unclaimed.append(stand.frame)
        first = len(self.lines) + 1
        around, caller_line = (-1, -1) if parent is None else (parent.frame, parent.line)
        self.frames.append([code.name, around, caller_line, -1, first, first, [], -1])
        return stand

    def _leave(self, frame: FrameType) -> None:
        super()._leave(frame)
        stand = self._stack.pop()
        self.frames[stand.frame][5] = len(self.lines)
        if frame in self._generators and _opname_at(frame, frame.f_lasti) in ENDS:
            del self._generators[frame]

    def _changes(self, frame: FrameType, state: _Frame, event: str) -> list[tuple[str, str]]:
        before = state.values
        changed = super()._changes(frame, state, event)
        stand = self._stack[-1]
        if event != "call":
            stand.unclaimed.clear()
        if len(self.names) >= self._names_end_at:
            self._recorder.miss(stand)
            return changed
        try:
            self._note_names(stand, state, before)
            if event == "call" and stand.is_new:
                self.frames[stand.frame][6] = list(stand.names.items())
            stand.is_new = False
            self._note_globals(stand, frame)
            if self._watches:
                self._note_watches(stand, state, frame)
        except SnapshotsFullError:
            self._names_end_at = 0
            self._recorder.miss(stand)
        return changed

    def _note_names(self, stand: Stand, state: _Frame, before: dict[str, object]) -> None:
        names: dict[str, int] = {}
        for name, value in state.values.items():
            known = stand.names.get(name)
            if known is not None and name in before and value is before[name] and id(type(value)) in LEAVES:
                names[name] = known
            else:
                names[name] = self._snapshots.index(value, state.reprs[name])
        self._note_changes((stand.line, stand.frame), stand.names, names)
        stand.names = names

    def _note_globals(self, stand: Stand, frame: FrameType) -> None:
        members = frame.f_globals
        if not self._global_names or members is not self._globals:
            return
        names = {name: self._snapshots.index(members[name]) for name in self._global_names if name in members}
        self._note_changes((stand.line, -1), self._global_values, names)
        self._global_values = names

    def _note_watches(self, stand: Stand, state: _Frame, frame: FrameType) -> None:
        values = self._watches.values(state.values, frame.f_globals)
        watched = {source: self._snapshots.index(value) for source, value in values.items()}
        self._note_changes((stand.line, stand.frame), stand.watched, watched)
        stand.watched = watched

    def _note_changes(self, place: tuple[int, int], old: dict[str, int], new: dict[str, int]) -> None:
        for name, value in new.items():
            if old.get(name) != value:
                self.names.append((*place, name, value))
        for name in old.keys() - new.keys():
            self.names.append((*place, name, -1))

    def _write(self, text: str) -> None:
        super()._write(text)
        stand = self._stack[-1]
        kind, number, source_line = self._line_kind, len(self.lines), 0
        if kind in ("def", "source", "again"):
            source_line = int(text.partition(" | ")[0])
        if kind in ("call", "def", "source"):
            stand.line = number
        owner = stand.line if kind in ("value", "raised") else number
        self.kinds.append((kind, stand.frame, source_line, self._line_name, owner))

    def _write_call(self, frame: FrameType, code: _Code, changed: list[tuple[str, str]], before: int) -> None:
        self._line_kind = "call"
        super()._write_call(frame, code, changed, before)

    def _write_variables(self, code: _Code, changed: list[tuple[str, str]], before: int) -> None:
        behind = "def" if self._line_kind == "call" else "source"
        self._line_kind = "value"
        for name, text in changed:
            self._line_name = name
            super()._write_variables(code, [(name, text)], before)
        self._line_kind, self._line_name = behind, ""

    def _write_exception(self, frame: FrameType, exception: tuple[type, BaseException, Any]) -> None:
        self._line_kind = "raised"
        super()._write_exception(frame, exception)

    def _write_return(self, frame: FrameType, code: _Code, value: object) -> None:
        self._line_kind = "return"
        super()._write_return(frame, code, value)
        if value is None and self.lines[-1].endswith(ENDED_BY_EXCEPTION):
            return
        try:
            self.frames[self._stack[-1].frame][7] = self._snapshots.index(value)
        except SnapshotsFullError:
            self._recorder.miss(self._stack[-1])


def _variables_of(module: dict[str, Any]) -> list[str]:
    """Return the names of a program that may change while its functions run: not its functions, classes and imports."""
    names = [name for name, value in module.items() if type(name) is str and not issubclass(type(value), _CONSTANT)]
    return [name for name in names if not name.startswith("__")][:MAX_GLOBALS]
