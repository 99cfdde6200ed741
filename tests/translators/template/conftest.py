"""Real traces for the tests: snoop runs a small program in this process, set up as the tracer sets it up."""

import ast
import gc
import io
import json
import sys
from pathlib import Path

import pytest
import snoop
from citing import plain_reasoning
from snoop.formatting import DefaultFormatter


class PlainFormatter(DefaultFormatter):
    """Call lines without file name and line."""

    def format_start(self, event):
        return [line.partition(" in File ")[0] for line in super().format_start(event)]


def run_traced(refcode, arguments, path):
    """Give the trace text and the returned value of `main_solution`."""
    path.write_text(refcode)
    namespace = {"__name__": "__main__"}
    exec(compile(refcode, str(path), "exec"), namespace)
    out = io.StringIO()
    config = snoop.Config(out=out, prefix="", columns="", color=False, formatter_class=PlainFormatter)
    config.watch_extras = ()
    depth = sum(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(refcode)))
    previous = sys.gettrace()
    gc.disable()  # Python 3.11 cannot parse a file while a finalizer that is traced has snoop parse another (gh-106905)
    try:
        returned = config.snoop(depth=depth)(namespace["main_solution"])(**json.loads(json.dumps(arguments)))
    finally:
        sys.settrace(previous)
        gc.enable()
    return out.getvalue(), returned


@pytest.fixture
def traced(tmp_path: Path):
    """Trace a program: `traced(refcode, x=3)` gives the trace and the returned value."""
    return lambda refcode, **arguments: run_traced(refcode, arguments, tmp_path / "program.py")


@pytest.fixture
def reasoning(traced):
    """Write the reasoning about a program: `reasoning(refcode, x=3)`."""

    def write(refcode, **arguments):
        trace, returned = traced(refcode, **arguments)
        return plain_reasoning(refcode, "main_solution", arguments, trace, json.dumps(returned))

    return write
