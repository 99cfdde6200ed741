"""Every fault of a line has its reason and names its field; every value of a good one survives."""

import datetime
import json
import math

import pytest

from execground_ray.corpus.decoding import MAX_DEPTH, LineError
from execground_ray.corpus.parsing import parse_line, to_json
from execground_ray.records import Problem

GOOD = {
    "problem_description": "Add one.",
    "io_requirements": "n (int)",
    "refcode": "def main_solution(n):\n    return n + 1\n",
    "funcname": "main_solution",
    "ios": [{"input": {"n": 1}, "output": 2}],
    "source": "pyedu",
    "category": "arithmetic",
    "meta": {"msgidx": 7},
}


def line(**changes):
    return json.dumps(GOOD | changes).encode()


def without(field):
    return json.dumps({name: value for name, value in GOOD.items() if name != field}).encode()


def ios(text):
    return line(ios="@").replace(b'"@"', text)


def nested(depth):
    return b"[" * depth + b"]" * depth


def pair_with_output(output):
    return ios(b'[{"input": {}, "output": ' + output + b"}]")


VALUES = [
    "0",
    "-123456789012345678901234567890123456789",
    "1" * 4300,
    "0.1",
    "-0.0",
    "1e22",
    "5e-324",
    "NaN",
    "-Infinity",
    "true",
    "null",
    '""',
    '"\\u00e9\\ud83d\\ude00\\u2028\\u0000\\\\u"',
    '"Infinity \\\\ud800"',
    "[]",
    "{}",
    '[1, "a", [2.5, null, [true, {"k": [[], {}]}]], {"": 0}]',
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value[:20])
def test_every_value_survives(value):
    problem = parse_line(pair_with_output(value.encode()))
    output = Problem.from_json(to_json(problem).decode()).ios[0].output
    expected = json.loads(value)
    assert output == expected or math.isnan(expected)
    assert repr(output) == repr(expected)


def test_the_text_is_the_same_however_the_line_was_written():
    spaced = json.dumps({"extra": 1} | dict(reversed(GOOD.items())), indent=1).replace("\n", " ").encode()
    assert to_json(parse_line(spaced)) == to_json(parse_line(line()))
    assert [*json.loads(to_json(parse_line(spaced))), "layout"] == list(Problem.__dataclass_fields__)


def test_fields_that_may_be_absent():
    for field, empty in (("source", ""), ("category", ""), ("meta", {})):
        assert parse_line(without(field))[field] == empty
        assert parse_line(line(**{field: None}))[field] == empty
    assert parse_line(line(ios=None))["ios"] == []


FAULTS = [
    (b'{"refcode": ', "malformed_json", "Expecting value at column 13"),
    (b"not json", "malformed_json", "Expecting value at column 1"),
    (line() + b" {}", "malformed_json", "Extra data at column"),
    (line()[:-1] + b', "refcode": "x"}', "malformed_json", "the key 'refcode' stands twice"),
    (line()[:-1] + b', "\\ud800": 1, "\\ud800": 2}', "malformed_json", "the key '\\ud800' stands twice"),
    (b"[1]", "wrong_type", "the line: expected an object, found an array"),
    (b'{"refcode": "\xff"}', "invalid_unicode", "byte 0xff at column 14 is not UTF-8"),
    (line(refcode="\ud800"), "invalid_unicode", "refcode: a lone surrogate"),
    (line(meta={"\udfff": 1}), "invalid_unicode", "meta: a lone surrogate"),
    (pair_with_output(b'["\\uDC00"]'), "invalid_unicode", "ios: a lone surrogate"),
    *((without(field), "missing_field", f"{field}: missing") for field in list(GOOD)[:5]),
    (line(refcode=3), "wrong_type", "refcode: expected a string, found an integer"),
    (line(funcname=None), "wrong_type", "funcname: expected a string, found null"),
    (line(category=True), "wrong_type", "category: expected a string, found a boolean"),
    (line(meta=[1.5]), "wrong_type", "meta: expected an object, found an array"),
    (line(ios="[]"), "wrong_type", "ios: expected an array, found a string"),
    (line(ios=[*GOOD["ios"], 1.5]), "wrong_type", "ios[1]: expected an object, found a number"),
    (line(ios=[{"input": [1], "output": 2}]), "wrong_type", "ios[0].input: expected an object, found an array"),
    (line(ios=[{"input": "{}", "output": 2}]), "wrong_type", "ios[0].input: expected an object, found a string"),
    (line(ios=[{"input": {}}]), "missing_field", "ios[0].output: missing"),
    (line(ios=[{"output": 1}]), "missing_field", "ios[0].input: missing"),
    (pair_with_output(b"1e400"), "wrong_type", "the number 1e400 is out of range"),
    (pair_with_output(b"1" * 4301), "wrong_type", "an integer of too many digits"),
    (pair_with_output(nested(MAX_DEPTH)), "wrong_type", "nested more than 100 deep"),
    (pair_with_output(nested(100_000)), "wrong_type", "nested more than 100 deep"),
]


@pytest.mark.parametrize(("raw", "reason", "fault"), FAULTS, ids=[fault for _, _, fault in FAULTS])
def test_every_fault_has_its_reason_and_names_its_field(raw, reason, fault):
    with pytest.raises(LineError) as caught:
        to_json(parse_line(raw))
    assert caught.value.reason == reason
    assert fault in str(caught.value)


def test_nesting_just_within_the_limit_is_kept():
    parse_line(pair_with_output(nested(MAX_DEPTH - 3)))


def test_columns_of_json_text_of_structs_and_of_lines_give_the_same_problem():
    expected = parse_line(line())
    texts = GOOD | {"ios": json.dumps(GOOD["ios"]), "meta": json.dumps(GOOD["meta"])}
    pairs_of_texts = GOOD | {"ios": [{"input": '{"n": 1}', "output": "2"}]}
    structs = GOOD | {"ios": [{"input": {"n": 1, "argument_of_another_row": None}, "output": 2}]}
    for columns in (GOOD, texts, pairs_of_texts, structs, {"text": line().decode()}):
        assert parse_line(columns) == expected


@pytest.mark.parametrize(
    ("columns", "reason", "fault"),
    [
        (GOOD | {"meta": {"day": datetime.date(2024, 1, 1)}}, "wrong_type", "meta: Object of type date"),
        (GOOD | {"refcode": b"x"}, "wrong_type", "refcode: expected a string, found a bytes"),
        (GOOD | {"ios": '[{"input"'}, "malformed_json", "ios: Expecting ':' delimiter"),
        (GOOD | {"ios": [{"input": "{}", "output": "x"}]}, "malformed_json", "ios[0].output: Expecting value"),
        (GOOD | {"ios": [{"input": "{}", "output": None}]}, "wrong_type", "ios[0].output: expected a string"),
        ({"text": None}, "wrong_type", "text: expected a string, found null"),
        ({"text": "{"}, "malformed_json", "text: Expecting property name"),
    ],
)
def test_faults_of_columns(columns, reason, fault):
    with pytest.raises(LineError) as caught:
        to_json(parse_line(columns))
    assert caught.value.reason == reason
    assert fault in str(caught.value)
