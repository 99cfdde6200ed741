"""Traces say nothing of where this machine keeps its Python, which is private and another elsewhere."""

import json
import math
import sys
import sysconfig
from types import ModuleType

import pytest

from execground_ray.config.loading import load
from execground_ray.records import Pair, Problem
from execground_ray.tracing.machine_paths import has_path, hide_paths, show_module
from execground_ray.tracing.trace_runner import Execution, Failure, TraceRunner

PLACES = [sys.prefix, sys.base_prefix, sysconfig.get_paths()["purelib"], sysconfig.get_paths()["stdlib"]]


def problem(code, output):
    return Problem("", "", code, "main_solution", (Pair({"n": 1}, output),), "", "", {})


@pytest.fixture(scope="module")
def runner():
    with TraceRunner(load(["tracing.preload=[numpy]"]).tracing, caged=True) as runner:
        yield runner


@pytest.mark.parametrize("place", PLACES)
def test_a_path_is_hidden_wherever_it_stands(place):
    text = f"a = '{place}/lib/x.py' and {place}"
    assert has_path(text)
    assert not has_path(hide_paths(text))
    assert hide_paths(text).startswith("a = '/python/")


def test_texts_without_paths_stay_as_they_are():
    for text in ("", "/usr", "/tmp/x", "<module 'math' (built-in)>", "python/3.11"):
        assert not has_path(text)
        assert hide_paths(text) == text


def test_a_module_is_shown_by_its_name_alone():
    assert show_module(json) == "<module 'json'>"
    assert show_module(math) == "<module 'math'>"
    nameless = ModuleType("x")
    nameless.__name__ = 3
    assert show_module(nameless) == "<module>"


def test_a_program_that_imports_where_it_is_called(runner):
    code = (
        "def main_solution(n):\n    import json\n    import numpy as np\n    where = json.__file__\n    return n + 1\n"
    )
    found = runner.trace_pair(problem(code, 2), 0)
    assert isinstance(found, Execution)
    assert "json = <module 'json'>" in found.trace
    assert "np = <module 'numpy'>" in found.trace
    assert "where = '/python/" in found.trace
    assert not has_path(found.trace)


def test_a_returned_path_is_none_that_another_machine_would_return(runner):
    code = "def main_solution(n):\n    import json\n    return json.__file__\n"
    found = runner.trace_pair(problem(code, json.__file__), 0)
    assert isinstance(found, Failure)
    assert (found.reason, "path of this machine" in found.detail) == ("nondeterministic", True)


@pytest.mark.parametrize(
    "code",
    [
        "main_solution = lambda n: n * 2\n",
        "from functools import partial\ndef twice(k, n):\n    return k * n\nmain_solution = partial(twice, 2)\n",
    ],
)
def test_a_function_that_no_def_makes_is_said_to_leave_no_trace(runner, code):
    found = runner.trace_pair(problem(code, 2), 0)
    assert isinstance(found, Failure)
    assert (found.reason, found.detail) == (
        "no_return",
        "main_solution is not made by a def of its own, so that nothing of it can be traced",
    )
