"""Parquet as libraries write it gives the rows of the JSON lines that it was made of, or says why it cannot.

What a library changes when it writes is not tested here: ``datasets`` rounds floats to ten digits and takes a text that
is JSON for a value; Arrow turns dates into timestamps, and integers beside floats into floats.
"""

import json

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execground_ray.config.schema import FileSource, HuggingFaceSource
from execground_ray.corpus.columns import Signature, marked_rows
from execground_ray.corpus.decoding import LineError
from execground_ray.corpus.parsing import content_id, parse_line, to_json
from execground_ray.corpus.splits import list_splits
from execground_ray.corpus.survey import survey_corpus
from execground_ray.stages.read_problems import read_rows

PROGRAM = "def main_solution(a, b=1, *, c, d=2):\n    return a\n"

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.integers(-(2**20), 2**20).map(lambda number: number / 32 + 1 / 64)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5).map(lambda text: f"a {text}")
)
KEYS = st.sampled_from(["a", "b", "c", "k", "x y", "é"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
ANY_VALUES = st.recursive(
    SCALARS | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def pairs(values):
    arguments = st.fixed_dictionaries({"a": values, "c": values}, optional={"b": values, "d": values})
    return st.lists(st.fixed_dictionaries({"input": arguments, "output": values}), max_size=3)


def problem(ios, number=0, code=PROGRAM, **changes):
    record = {"problem_description": f"Do {number}.", "io_requirements": "a", "refcode": code, "ios": ios}
    return record | {"funcname": "main_solution", "source": "s", "category": "c", "meta": {"n": number}} | changes


def corpora(values):
    found = st.lists(pairs(values), min_size=1, max_size=4)
    return found.map(lambda all_ios: [problem(ios, number) for number, ios in enumerate(all_ios)])


KINDS = st.recursive(
    st.sampled_from([st.booleans(), st.integers(-9, 9), st.sampled_from([0.5, -1.25]), st.text("ab", max_size=2)]),
    lambda inner: (
        inner.map(lambda kind: st.lists(st.none() | kind, max_size=2))
        | st.dictionaries(KEYS, inner, min_size=1, max_size=3).map(
            lambda kinds: st.fixed_dictionaries({}, optional={key: st.none() | kind for key, kind in kinds.items()})
        )
    ),
    max_leaves=4,
)


def corpora_of_one_type():
    """Corpora that structs can hold: every argument and every key has one type, may be null or missing."""

    def made_of(kinds):
        a, b, c, d, output = (st.none() | kind for kind in kinds)
        arguments = st.fixed_dictionaries({"a": a, "c": c}, optional={"b": b, "d": d})
        found = st.lists(st.fixed_dictionaries({"input": arguments, "output": output}), max_size=3)
        return st.lists(found, min_size=1, max_size=4).map(
            lambda all_ios: [problem(ios, number) for number, ios in enumerate(all_ios)]
        )

    return st.tuples(*[KINDS] * 5).flatmap(made_of)


def parsed(raw):
    """The content, or the reason that there is none."""
    try:
        return to_json(parse_line(raw))
    except LineError as error:
        return error.reason.value


def from_lines(records):
    return [parsed(json.dumps(record).encode()) for record in records]


def from_table(table, path):
    pq.write_table(table, path)
    return [parsed(row) for row in marked_rows(pq.read_table(path))]


def sorted_keys(content):
    return json.dumps(json.loads(content), sort_keys=True)


def assert_same_or_refused(found, expected):
    """What a struct can tell is the same; the order of keys it does not keep."""
    assert len(found) == len(expected)
    for content, line in zip(found, expected, strict=True):
        assert content == "ambiguous_null" or sorted_keys(content) == sorted_keys(line)


quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@settings(quick, max_examples=30)
@given(records=corpora(VALUES))
def test_what_datasets_writes_is_read_alike_from_lines_parquet_and_the_library(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "lines.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    cache = str(folder / "cache")
    try:
        made = datasets.load_dataset(
            "json", data_files=str(folder / "lines.jsonl"), split="train", cache_dir=cache, keep_in_memory=True
        )
    except datasets.exceptions.DatasetGenerationError:  # a few mixtures it cannot write
        return
    (folder / "hub").mkdir()
    made.to_parquet(str(folder / "hub" / "train.parquet"))
    where = {"path": str(folder / "hub"), "limit": None, "layout": "pyedu"}
    parquet = list_splits(FileSource(kind="parquet", **where))
    library = list_splits(HuggingFaceSource(kind="huggingface", revision=None, name=None, split="train", **where))
    found = [parsed(row) for split in parquet for row in split.read()]
    assert [parsed(row) for split in library for row in split.read()] == found
    assert_same_or_refused(found, from_lines(records))


@quick
@given(records=corpora(ANY_VALUES))
def test_columns_of_json_give_every_value_that_a_line_can_hold(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("corpus") / "a.parquet"
    texts = pa.array([json.dumps(record["ios"]) for record in records])
    plain = pa.Table.from_pylist([record | {"ios": None} for record in records])
    place = plain.schema.names.index("ios")
    parts = [[{name: json.dumps(pair[name]) for name in pair} for pair in record["ios"]] for record in records]
    of_json = pa.list_(pa.struct([("input", pa.json_()), ("output", pa.json_())]))
    of_texts = pa.list_(pa.struct([("input", pa.string()), ("output", pa.string())]))
    for column in (texts, texts.cast(pa.json_()), pa.array(parts, of_texts), pa.array(parts, of_texts).cast(of_json)):
        assert from_table(plain.set_column(place, "ios", column), path) == from_lines(records)


@settings(quick, max_examples=150)
@given(records=corpora_of_one_type())
def test_structs_give_the_same_or_are_refused(tmp_path_factory, records):
    table = pa.Table.from_pylist(records)
    path = tmp_path_factory.getbasetemp() / "structs.parquet"
    try:
        found = from_table(table, path)
    except pa.ArrowNotImplementedError:  # an object without any key
        return
    assert_same_or_refused(found, from_lines(records))
    for content, row in zip(found, table.to_pylist(), strict=True):
        assert (content == "ambiguous_null") == is_ambiguous(row["ios"])


def is_ambiguous(ios):
    """Whether a null is anywhere in structs but in arguments that the program needs, or in output as a whole."""
    if any(pair["input"].get(name, 0) is None for pair in ios for name in "bd"):
        return True
    return any(has_null(value) for pair in ios for value in [*pair["input"].values(), pair["output"]])


def has_null(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any((isinstance(value, dict) and item is None) or has_null(item) for item in inner)


def struct_row(ios, pair=None, **changes):
    """The problem that is read where ``ios`` is a column of structs, whose types ``pair`` may give."""
    table = pa.Table.from_pylist([problem([] if pair else ios, **changes)])
    if pair is not None:
        column = pa.array([ios], pa.list_(pair(pa.string()))).cast(pa.list_(pair(pa.json_())))
        table = table.set_column(table.schema.names.index("ios"), "ios", column)
    return parse_line(marked_rows(table)[0])


def test_a_null_argument_that_is_needed_stays_and_one_that_is_unknown_goes():
    row = struct_row([{"input": {"a": None, "c": 1, "z": None}, "output": None}])
    assert row["ios"] == [{"input": {"a": None, "c": 1}, "output": None}]


@pytest.mark.parametrize(
    ("pair", "place"),
    [
        ({"input": {"a": 1, "c": 1, "b": None}, "output": 1}, "ios[0].input.b"),
        ({"input": {"a": 1, "c": 1, "d": None}, "output": 1}, "ios[0].input.d"),
        ({"input": {"a": {"k": None}, "c": 1}, "output": 1}, "ios[0].input.a.k"),
        ({"input": {"a": [[{"k": 1}], [{"k": None}]], "c": 1}, "output": 1}, "ios[0].input.a[1][0].k"),
        ({"input": {"a": 1, "c": 1}, "output": [{"k": None}]}, "ios[0].output[0].k"),
    ],
)
def test_a_null_that_may_be_nothing_is_named(pair, place):
    with pytest.raises(LineError, match="null or absent") as refused:
        struct_row([pair])
    assert str(refused.value).startswith(f"{place}: ")
    assert refused.value.reason == "ambiguous_null"


@pytest.mark.parametrize(
    ("code", "signature"),
    [
        (PROGRAM, Signature(frozenset("ac"), frozenset("bd"), False)),
        ("def main_solution(a, *rest, **others): pass", Signature(frozenset("a"), frozenset(), True)),
        ("@cache\nasync def main_solution(a, /, b=3): pass", Signature(frozenset("a"), frozenset("b"), False)),
        ("main_solution = lambda n, m=1: n", Signature(frozenset("n"), frozenset("m"), False)),
        ("def main_solution(a): pass\ndef main_solution(b): pass", Signature(frozenset("b"), frozenset(), False)),
        ("\ufeffdef main_solution(n): pass", Signature(frozenset("n"), frozenset(), False)),
        ("from x import main_solution", Signature(frozenset(), frozenset(), True)),
        ("def main_solution(", Signature(frozenset(), frozenset(), False)),
    ],
)
def test_signatures(code, signature):
    assert Signature.of(code, "main_solution") == signature


def test_nulls_of_a_struct_in_meta_and_in_other_columns_do_not_count():
    row = struct_row([], meta={"n": 1, "of another row": None, "deep": [{"k": None}]}, other={"k": None})
    assert row["meta"] == {"n": 1, "deep": [{}]}


def test_maps_are_objects_and_their_nulls_are_real():
    def pair(text):
        return pa.struct(
            [("input", pa.map_(pa.string(), pa.int64())), ("output", pa.list_(pa.map_(pa.string(), text)))]
        )

    row = struct_row([{"input": [("a", 1), ("c", None)], "output": [[("x", '{"k": null}')], []]}], pair)
    assert row["ios"] == [{"input": {"a": 1, "c": None}, "output": [{"x": {"k": None}}, {}]}]


@pytest.mark.parametrize(
    ("kind", "value", "fault"),
    [
        (pa.map_(pa.int64(), pa.int64()), [(1, 2)], "ios[0].output: the key 1 of a map is no string"),
        (pa.map_(pa.string(), pa.int64()), [("x", 2), ("x", 3)], "ios[0].output: the key 'x' stands twice in a map"),
        (None, '{"x": 1, "x": 2}', "ios[0].output: the key 'x' stands twice in an object"),
        (None, "[1e999]", "ios[0].output: the number 1e999 is out of range"),
    ],
)
def test_what_is_no_value_of_json_is_refused(kind, value, fault):
    def pair(text):
        return pa.struct([("input", pa.struct([("a", pa.int64()), ("c", pa.int64())])), ("output", kind or text)])

    with pytest.raises(LineError) as refused:
        struct_row([{"input": {"a": 1, "c": 1}, "output": value}], pair)
    assert str(refused.value) == fault


def test_texts_of_a_column_of_json_are_no_json_texts():
    """A value that is the text of JSON is a text, in a line and in a column."""
    record = problem([{"input": {"a": "[1]", "c": 1}, "output": "{}"}])
    table = pa.table({"ios": pa.array([json.dumps(record["ios"])]).cast(pa.json_())})
    assert parse_line(record | marked_rows(table)[0]) == parse_line(json.dumps(record).encode())
    with pytest.raises(LineError, match=r"ios\[0\]\.input: expected an object, found a string"):
        ios = pa.array([json.dumps([{"input": "{}", "output": 1}])]).cast(pa.json_())
        parse_line(record | marked_rows(pa.table({"ios": ios}))[0])


def test_ids_of_rows_that_are_refused_are_those_of_earlier_versions(tmp_path):
    record = problem([{"input": {"a": 1, "b": None}, "output": {"k": None}}])
    table = pa.Table.from_pylist([record])
    pq.write_table(table, tmp_path / "a.parquet")
    source = FileSource(kind="parquet", limit=None, path=str(tmp_path / "a.parquet"), layout="pyedu")
    (plan,) = survey_corpus(list_splits(source), None, 0)
    (row,) = read_rows(plan)
    assert row["reason"] == "ambiguous_null"
    assert row["id"] == content_id(repr(table.to_pylist()[0]).encode())
