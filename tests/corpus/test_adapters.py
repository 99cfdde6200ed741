"""Layouts beside PyEdu's: what their columns say arrives, and what is wrong with one is told by its name."""

import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from execground_ray.config.schema import FileSource
from execground_ray.corpus.decoding import LineError
from execground_ray.corpus.parsing import parse_line, to_json
from execground_ray.corpus.splits import list_splits
from execground_ray.corpus.survey import SurveyOptions, survey_corpus
from execground_ray.python.values import Expression
from execground_ray.records import Problem
from execground_ray.stages.read_problems import read_rows

ADD = "def f(a, b=2):\n    return (a, b)\n"
ECHO = "print(input())"


def read(layout, record):
    return Problem.from_json(to_json(parse_line(json.dumps(record).encode(), layout)).decode())


def function(**changes):
    return read("function", {"code": ADD, "input": "1, b=3", "output": "(1, 3)", "id": "sample_0"} | changes)


def stdin(**changes):
    return read("stdin", {"code": ECHO, "input": "x\n", "output": "x\n"} | changes)


def test_a_function_and_its_literals():
    problem = function()
    assert (problem.layout, problem.refcode, problem.funcname) == ("function", ADD, "f")
    assert (problem.ios[0].input, problem.ios[0].output) == ({"a": 1, "b": 3}, (1, 3))
    assert (problem.question, problem.source, problem.meta) == ("", "", {"id": "sample_0"})
    assert function(input="5").ios[0].input == {"a": 5}


VALUES = [
    *("(1, [2, (3,)])", "{1: 'a', (2, 3): None}", "{'a', 'b'}", "set()", "b'\\xff'", "1j", "{True: 1, 'x': 2}"),
    *("1e5", "-7", "'é'", "{'__python__': 'tuple', 'of': [1]}"),
]


@pytest.mark.parametrize("text", VALUES)
def test_every_literal_survives(text):
    (pair,) = function(input=text, output=text).ios
    value = eval(text)
    assert (pair.input, pair.output) == ({"a": value}, value)
    assert repr(type(pair.output)) == repr(type(value))


def test_what_is_no_literal_is_evaluated_by_the_run_alone():
    given = function(input="dict(x=1), lambda n: n + 1").ios[0].input
    assert all(type(value) is Expression for value in given.values())
    assert repr(given) == "{'a': dict(x=1), 'b': lambda n: n + 1}"


def test_the_function_may_have_another_name_and_several_pairs():
    problem = function(
        code=ADD.replace("def f", "def g"), funcname="g", input=["1", "2"], output=["(1, 2)", "(2, 2)"], question="Add."
    )
    assert (problem.funcname, problem.question) == ("g", "Add.")
    assert [(pair.input, pair.output) for pair in problem.ios] == [({"a": 1}, (1, 2)), ({"a": 2}, (2, 2))]


def test_a_program_that_reads_and_prints():
    problem = stdin(description="Echo.", source="TACO")
    assert (problem.layout, problem.funcname, problem.refcode) == ("stdin", "main", f"def main():\n    {ECHO}")
    assert (problem.ios[0].input, problem.ios[0].output) == ({"stdin": "x\n"}, "x\n")
    assert (problem.question, problem.source) == ("Echo.", "TACO")


@pytest.mark.parametrize(
    ("read", "changes", "fault"),
    [
        (function, {"code": 3}, "code: expected a string, found an integer"),
        (function, {"input": None}, "input: expected a string, found null"),
        (function, {"input": "1, 2, 3"}, "input: 3 arguments, of which the function names 2"),
        (function, {"input": "1) + (2"}, "input: no arguments of a call"),
        (function, {"input": "*[1]"}, "input: arguments whose names are not told, or told twice"),
        (function, {"input": "1, a=2"}, "input: arguments whose names are not told, or told twice"),
        (function, {"input": "1 2"}, "input: no arguments of a call: "),
        (function, {"output": "f(1)"}, "output: no literal of Python: "),
        (function, {"output": "1" * 5000}, "output: no literal of Python: "),
        (function, {"output": ["1"]}, "output: expected a string, found an array"),
        (function, {"input": ["1"], "output": "1"}, "output: expected an array, found a string"),
        (function, {"input": ["1", 2], "output": ["1", "2"]}, "input[1]: expected a string, found an integer"),
        (function, {"input": ["1"], "output": ["1", "2"]}, "output: expected 1 texts, as in input, found 2"),
        (function, {"input": ["1"], "output": ["x"]}, "output[0]: no literal of Python: "),
        (function, {"funcname": 3}, "funcname: expected a string, found an integer"),
        (function, {"description": 3}, "problem_description: expected a string, found an integer"),
        (stdin, {"input": 3}, "input: expected a string, found an integer"),
        (stdin, {"output": None}, "output: expected a string, found null"),
    ],
)
def test_a_fault_is_told_by_the_name_of_its_column(read, changes, fault):
    with pytest.raises(LineError) as refused:
        read(**changes)
    assert str(refused.value).startswith(fault)
    assert refused.value.reason == "wrong_type"


@pytest.mark.parametrize("missing", ["code", "input", "output"])
@pytest.mark.parametrize("layout", ["function", "stdin"])
def test_a_missing_column_is_told(layout, missing):
    record = {name: "1" for name in ("code", "input", "output") if name != missing}
    with pytest.raises(LineError, match=f"^{missing}: missing$") as refused:
        read(layout, record)
    assert refused.value.reason == "missing_field"


def test_columns_of_parquet_are_read_likewise(tmp_path):
    columns = {"code": [ADD, ADD], "input": [["1"], ["2", "3"]], "output": [["(1, 2)"], ["(2, 2)", "(3, 2)"]]}
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    source = FileSource(kind="parquet", limit=None, path=str(tmp_path), layout="function")
    plans = survey_corpus(list_splits(source), None, 0, options=SurveyOptions(layout="function"))
    rows = [row for plan in plans for row in read_rows(plan)]
    assert [row["reason"] for row in rows] == ["", ""]
    assert [pair.output for pair in Problem.from_json(rows[1]["problem"]).ios] == [(2, 2), (3, 2)]


def test_without_a_description_another_input_is_another_problem(tmp_path):
    lines = [{"code": ADD, "input": given, "output": "1", "id": number} for number, given in enumerate("121")]
    (tmp_path / "a.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    source = FileSource(kind="jsonl", limit=None, path=str(tmp_path), layout="function")
    plans = survey_corpus(list_splits(source), None, 0, options=SurveyOptions(layout="function"))
    reasons = [row["reason"] for plan in plans for row in read_rows(plan)]
    assert sorted([reasons[0], reasons[2]]) == ["", "duplicate_problem"]
    assert reasons[1] == ""


def test_the_ids_of_pyedu_do_not_know_of_other_layouts():
    line = {"problem_description": "", "io_requirements": "", "refcode": "", "funcname": "", "ios": [], "layout": "x"}
    assert "layout" not in json.loads(to_json(parse_line(json.dumps(line).encode())))
