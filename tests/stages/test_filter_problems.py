"""The prefilter's verdict on problems of every kind, and the batch it works on."""

import json
import warnings

import pyarrow as pa
import pytest
from problem_lines import problem_line

from execground_ray.records import COLUMNS, Pair, Problem, Stage, schema_after
from execground_ray.stages.filter_problems import filter_problem, filter_rows, is_small

RUN = "def main_solution(n):\n    return n\n"


def problem(refcode=RUN, inputs=({"n": 1},), funcname="main_solution"):
    ios = tuple(Pair(arguments, 0) for arguments in inputs)
    return Problem("", "", refcode, funcname, ios, "", "", {})


def verdict(refcode):
    answer = filter_problem(problem(refcode))
    return "" if isinstance(answer, list) else answer[0].value


@pytest.mark.parametrize(
    "spelling",
    [
        "import random",
        "import os, random as r",
        "from random import shuffle as s",
        "def f():\n    import random",
        "try:\n    import random\nexcept ImportError:\n    pass",
        "__import__('random').seed(1)",
        "import importlib\nimportlib.import_module('random')",
        "from importlib import import_module\nimport_module('numpy.random')",
        "import numpy.random",
        "import numpy.random.mtrand as m",
        "from numpy import array, random",
        "from numpy.random import default_rng",
    ],
)
def test_random_in_every_spelling(spelling):
    assert verdict(f"{spelling}\n{RUN}") == "random_import"


@pytest.mark.parametrize(
    "harmless",
    [
        "# import random",
        "text = 'import random'",
        "import randomgen",
        "from randomgen import random",
        "from .random import x",
        "random = 4",
        "import numpy as np\nx = np.array([1])",
        "import numpy as np\nx = np.random",
        "class A:\n    random = 1\nx = A.random",
        "importlib = 0\nprint('random')",
    ],
)
def test_what_only_looks_like_random(harmless):
    assert verdict(f"{harmless}\n{RUN}") == ""


@pytest.mark.parametrize(
    "code",
    [
        "def main_solution(:\n",
        "return 5",
        "x = 1\n\tdef main_solution(): pass",
        "def main_solution():\n    nonlocal x",
        "x = '\0'",
        "print 'python 2'",
        "(" * 500 + ")" * 500,
        "x = " + "-" * 50_000 + "1",
        "x = " + "1" * 5000,
    ],
    ids=range(9),
)
def test_code_that_does_not_compile(code):
    assert verdict(f"{RUN}{code}") == "syntax_error"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("main_solution = lambda n: n", ""),
        ("from operator import neg as main_solution", ""),
        ("if True:\n    def main_solution(n): pass", ""),
        ("try:\n    import x\nexcept ImportError:\n    class main_solution: pass", ""),
        ("def helper():\n    def main_solution(n): pass", "function_missing"),
        ("class A:\n    def main_solution(self): pass", "function_missing"),
        ("def main_solution_helper(n): pass", "function_missing"),
        ("main_solution(3)", "function_missing"),
        ("", "function_missing"),
    ],
)
def test_the_function_has_to_be_bound_at_module_level(code, expected):
    assert verdict(code) == expected


def test_warnings_of_the_code_do_not_get_out():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert verdict("x = '\\d' is 'a'\n" + RUN) == ""


def test_duplicate_inputs_stay_once_whatever_the_order_of_arguments():
    inputs = ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1.0, "b": 2}, {"a": True, "b": 2}, {"a": "1", "b": 2})
    assert filter_problem(problem(inputs=(*inputs, inputs[0]))) == [0, 2, 3, 4]


def test_without_pairs_or_with_large_inputs_only():
    assert filter_problem(problem(inputs=()))[0] == "no_pairs"
    large, small = {"n": "x" * 100}, {"n": "x" * 99}
    assert filter_problem(problem(inputs=(large, small, large))) == [1]
    assert filter_problem(problem(inputs=(large, large, {"n": [0] * 20}))) == (
        "oversized_input",
        "all of 2 distinct inputs are too large",
    )


# Values on either side of a limit, as pympler 1.1's asizeof counts them on 64-bit CPython 3.11.
SIZES = [
    ([0] * 19, True),
    ([0] * 20, False),
    ({str(n): 0 for n in range(19)}, False),  # 19 items, but more than 1,024 bytes
    ({"k" * 99: 0}, True),
    ({"k" * 100: 0}, False),
    ("x" * 99, True),
    ("x" * 100, False),
    (2**719, True),
    (2**720, False),
    ([[[[[[[[[[[[[]]]]]]]]]]]]], True),
    (1.5, True),
    (None, True),
    ([{"n": "x" * 99}] * 19, True),  # the same object is counted once
    ([["x" * 98 + str(n)] for n in range(4)], True),
    ([["x" * 98 + str(n)] for n in range(5)], False),
]


@pytest.mark.parametrize(("value", "small"), SIZES, ids=range(len(SIZES)))
def test_the_size_rule(value, small):
    assert is_small(value) is small


def test_a_batch_keeps_its_rows_and_leaves_rejected_ones_alone():
    rejected = {"stage": "read", "reason": "malformed_json", "detail": "a.jsonl:2: Expecting value"}
    random_code = json.loads(problem_line(3)) | {"refcode": "import os\nimport random"}
    rows = [
        {"id": "1", "locator": "a.jsonl:1", "problem": problem_line(1)},
        {"id": "2", "locator": "a.jsonl:2", "problem": ""} | rejected,
        {"id": "3", "locator": "a.jsonl:3", "problem": json.dumps(random_code)},
    ]
    rows = [COLUMNS[Stage.READ] | row for row in rows]
    found = filter_rows(pa.Table.from_pylist(rows)).to_pylist()
    assert found[0] == rows[0] | {"pairs": "[0, 1, 2]"}
    assert found[1] == rows[1] | {"pairs": "[]"}
    verdict_on_random = {"reason": "random_import", "detail": "a.jsonl:3: line 2: import random"}
    assert found[2] == rows[2] | {"stage": "prefilter", "pairs": "[]"} | verdict_on_random


def test_an_empty_batch_has_the_columns():
    schema = schema_after(Stage.READ)
    assert filter_rows(schema.empty_table()).column_names == [*schema.names, "pairs"]
