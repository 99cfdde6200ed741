"""Packages are imported before the fork where a program names one, and nowhere else."""

import dataclasses
import json

from execground_ray.config.schema import Tracing
from execground_ray.records import Pair, Problem
from execground_ray.tracing.packages import Preloads
from execground_ray.tracing.trace_runner import Execution, TraceRunner

# It names none of the packages itself.
ASK = """
import sys
had = [name for name in ('num' + 'py', 'ya' + 'ml') if name in sys.modules]
def main_solution(n):
    return had
"""


def settings(paper: Tracing) -> Tracing:
    return dataclasses.replace(paper, preload=("math", "numpy"), packages=("yaml", "no_such_package.inside"))


def test_what_a_program_names_says_what_its_worker_has_imported(paper: Tracing) -> None:
    with TraceRunner(settings(paper), caged=True) as runner:
        for comment, expected in (("", []), ("# numpy", ["numpy"]), ("# yaml", ["numpy", "yaml"])):
            problem = Problem("", "", ASK + comment, "main_solution", (Pair({"n": 1}, expected),), "", "", {})
            found = runner.trace_pair(problem, 0)
            assert isinstance(found, Execution), found
            assert json.loads(found.output) == expected
        assert len(runner.worker_pids) == 6


def test_packages_that_are_not_installed_are_left_out(paper: Tracing) -> None:
    preloads = Preloads(settings(paper))
    assert preloads.kinds == [["math"], ["math", "numpy"], ["math", "numpy", "yaml"]]
    programs = ("import math", "import numpy as np", "from yaml import load", "import no_such_package", "my_yaml = 1")
    assert [preloads.kind_for(code) for code in programs] == [0, 1, 2, 0, 0]
