"""Inside the cage: traces calls with real snoop, with our tracer and with our counter, each in a fork of one process.

Started by ``snoop_oracle`` as ``python -P -s -c <this file> PACKAGE_FOLDER``; its protocol is that of the
tracing worker. A request is a program, its arguments and how many lines of trace are wanted; the answer has three
fields: ``snoop`` and ``tracer``, a list of lines each, and ``counter``, how many lines were counted. A field is None
when the process that should have written it died.
"""

import importlib
import io
import json
import linecache
import os
import resource
import signal
import sys
import sysconfig
import tokenize
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

Send = Callable[[Any], NoReturn]
LIMITS = {resource.RLIMIT_AS: 4 * 2**30, resource.RLIMIT_CPU: 2, resource.RLIMIT_FSIZE: 0}
WALL_SECONDS = 20  # a busy machine decides nothing


def start(folder: Path) -> None:
    """Find the package, as the tracing worker does."""
    sys.path.insert(0, str(folder / "tracing"))
    start_worker = importlib.import_module("start_worker")
    del sys.path[0]
    start_worker.load_package(folder)


def read_as_file(source: bytes) -> list[str]:
    """Lines as linecache would read them from a file."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    return io.TextIOWrapper(io.BytesIO(source), encoding, line_buffering=True).readlines()


class Oracle:
    def __init__(self) -> None:
        sys.modules["pandas"] = None  # as the tracing worker does: what is loaded shows in traces of abstract classes
        import numpy  # noqa: F401
        import snoop

        from execground_ray.tracing import calls, counting, program, recording, reprs, source, tracer

        del sys.modules["pandas"]
        self._snoop, self._calls, self._counting, self._source = snoop, calls, counting, source
        self._show = reprs.ValueShower(100)
        limits = program.RunLimits(max_lines=1, result_bytes=1, timeout_seconds=1, memory_mb=1)
        self._tracer = tracer.Tracer
        self._recorded = recording.RecordingRunner(limits, self._show).prepare
        self._counted = counting.CountingRunner(limits).prepare

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        source = request["refcode"].encode("utf-8", "surrogatepass")
        try:
            program = self._recorded(request["refcode"], request["funcname"])
            ticking = self._counted(request["refcode"], request["funcname"])
        except (SyntaxError, ValueError) as error:
            return {"error": str(error)}
        linecache.cache["main.py"] = (len(source), None, read_as_file(source), "main.py")
        return {
            "snoop": self.in_fork(self.with_snoop, program, request),
            "tracer": self.in_fork(self.with_tracer, program, request),
            "counter": self.in_fork(self.with_counter, ticking, request),
        }

    def in_fork(self, way: Callable[..., None], program: Any, request: dict[str, Any]) -> Any:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                null = os.open(os.devnull, os.O_RDWR)
                for stream in (0, 1, 2):
                    os.dup2(null, stream)
                for kind, most in LIMITS.items():
                    resource.setrlimit(kind, (most, most))
                signal.alarm(WALL_SECONDS)

                def send(result: Any) -> NoReturn:
                    with os.fdopen(writing, "w") as pipe:
                        json.dump(result, pipe)
                    os._exit(0)

                main = types.ModuleType("__main__")
                main.__file__ = "main.py"
                sys.modules["__main__"] = main
                way(program, main, json.loads(request["arguments"]), request["max_lines"], send)
            finally:
                os._exit(1)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        os.waitpid(pid, 0)
        return json.loads(text) if text else None

    def with_snoop(self, program: Any, main: Any, arguments: dict[str, Any], max_lines: int, send: Send) -> None:
        exec(program.code, main.__dict__)
        snoop, lines = self._snoop, []

        class WithoutFileName(snoop.formatting.DefaultFormatter):
            def format_start(self, event: Any) -> list[str]:
                return [line.partition(' in File "')[0] for line in super().format_start(event)]

        def write(text: str) -> None:
            lines.extend(text.split("\n")[:-1])
            if len(lines) >= max_lines:
                send(lines[:max_lines])

        snoop.tracer.internal_directories += tuple(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
        snoop.install(out=write, color=False, columns="", replace_watch_extras=(), formatter_class=WithoutFileName)
        traced = snoop.snoop(depth=program.depth)(getattr(main, program.funcname))
        setattr(main, program.funcname, traced)
        try:
            traced(**arguments)
        except BaseException as error:
            lines.append(f"ended by {type(error).__name__}")
        send(lines)

    def with_tracer(self, program: Any, main: Any, arguments: dict[str, Any], max_lines: int, send: Send) -> None:
        def end(reason: Any) -> None:
            # After an exception the trace goes on, as snoop's does.
            if isinstance(reason, self._calls.TooLong):
                send(tracer.lines[:max_lines])

        exec(program.code, main.__dict__)
        sources = self._source.SourceFiles({"main.py": program.source})
        calls = self._calls.Calls(program.targets, program.depth)
        tracer = self._tracer(calls, sources, self._show, (max_lines, sys.maxsize), end)
        sys.settrace(tracer)
        ended = self.call(program, main, arguments)
        send(tracer.lines + ended)

    def with_counter(self, program: Any, main: Any, arguments: dict[str, Any], max_lines: int, send: Send) -> None:
        def end(reason: Any) -> None:
            send(max_lines)

        calls = self._calls.Calls(program.targets, program.depth)
        counter = self._counting.LineCounter(calls, max_lines, end)
        main.__dict__[self._counting.ENTER] = lambda: self._counting.do_nothing
        exec(program.code, main.__dict__)
        main.__dict__[self._counting.ENTER] = counter.enter
        self.call(program, main, arguments)
        send(counter.lines)

    def call(self, program: Any, main: Any, arguments: dict[str, Any]) -> list[str]:
        try:
            getattr(main, program.funcname)(**arguments)
        except BaseException as error:
            return [f"ended by {type(error).__name__}"]
        finally:
            sys.settrace(None)
        return []


def main() -> None:
    start(Path(sys.argv[1]))
    from execground_ray.tracing.messages import read_message, write_message

    oracle = Oracle()
    while (request := read_message(sys.stdin.buffer)) is not None:
        write_message(sys.stdout.buffer, oracle.answer(request))


if __name__ == "__main__":
    main()
