"""Inside the cage: traces calls with real snoop, with our tracer and with our counter, each in a fork of one process.

Started by ``snoop_oracle`` as ``python -P -s -c <this file> PACKAGE_FOLDER``; its protocol is that of the tracing
worker. A request is a program, its arguments and how many lines of trace are wanted; the answer has three fields:
``snoop`` and ``tracer``, a list of lines each, and ``counter``, how many lines were counted. A field is None when the
process that should have written it died.
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


def load_package(folder: Path) -> None:
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

        from execground_ray.tracing import program, reprs, source, tracer

        del sys.modules["pandas"]
        self._snoop, self._program, self._tracer, self._source = snoop, program, tracer, source
        self._show = reprs.ValueShower(100)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        source = request["refcode"].encode("utf-8", "surrogatepass")
        try:
            program = self._program.Program(request["refcode"], request["funcname"])
        except (SyntaxError, ValueError) as error:
            return {"error": str(error)}
        linecache.cache["main.py"] = (len(source), None, read_as_file(source), "main.py")
        ways = {"snoop": self.with_snoop, "tracer": self.with_tracer, "counter": self.with_counter}
        return {name: self.in_fork(way, program, source, request) for name, way in ways.items()}

    def in_fork(self, way: Callable[..., None], program: Any, source: bytes, request: dict[str, Any]) -> Any:
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
                exec(compile(source, "main.py", "exec", dont_inherit=True), main.__dict__)
                way(program, main, json.loads(request["arguments"]), request["max_lines"], send)
            finally:
                os._exit(1)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        os.waitpid(pid, 0)
        return json.loads(text) if text else None

    def with_snoop(self, program: Any, main: Any, arguments: dict[str, Any], max_lines: int, send: Send) -> None:
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
            if isinstance(reason, self._tracer.TooLong):
                send(tracer.lines[:max_lines])

        sources = self._source.SourceFiles({"main.py": program.source})
        limits = (max_lines, sys.maxsize)
        tracer = self._tracer.Tracer(program.targets, program.depth, sources, self._show, limits, end)
        ended = self.call(program, main, arguments, tracer)
        send(tracer.lines + ended)

    def with_counter(self, program: Any, main: Any, arguments: dict[str, Any], max_lines: int, send: Send) -> None:
        def end(reason: Any) -> None:
            if isinstance(reason, self._tracer.TooLong):
                send(counter.lines)

        counter = self._tracer.LineCounter(program.targets, program.depth, max_lines, end)
        self.call(program, main, arguments, counter)
        send(counter.lines)

    def call(self, program: Any, main: Any, arguments: dict[str, Any], watcher: Any) -> list[str]:
        function = getattr(main, program.funcname)
        sys.settrace(watcher)
        try:
            function(**arguments)
        except BaseException as error:
            return [f"ended by {type(error).__name__}"]
        finally:
            sys.settrace(None)
        return []


def main() -> None:
    load_package(Path(sys.argv[1]))
    from execground_ray.tracing.worker import read_message, write_message

    oracle = Oracle()
    while (request := read_message(sys.stdin.buffer)) is not None:
        write_message(sys.stdout.buffer, oracle.answer(request))


if __name__ == "__main__":
    main()
