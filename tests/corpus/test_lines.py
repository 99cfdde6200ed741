"""Files of JSON as people have them: arrays, other encodings and packings, all giving the lines that they stand for."""

import bz2
import codecs
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from problem_lines import problem_line

from execground_ray.config.schema import FileSource
from execground_ray.corpus import lines as reading
from execground_ray.corpus import splits
from execground_ray.corpus.lines import cut_array
from execground_ray.corpus.splits import list_splits
from execground_ray.corpus.survey import survey_corpus
from execground_ray.stages.read_problems import read_rows

GOOD = [problem_line(0), problem_line(1, "Ünï 😀 \\n")]
LINES = [*GOOD, '{"refcode": 5}', problem_line(2), '"\\ud83d"', "[1, NaN]", "broken"]


def found(path):
    return list_splits(FileSource(kind="jsonl", limit=None, path=str(path), layout="pyedu"))


def read(path):
    return [raw.strip() for split in found(path) for raw in split.read()]


def rows(path):
    plans = survey_corpus(found(path), None, 0)
    return [row | {"locator": "", "detail": ""} for plan in plans for row in read_rows(plan)]


@pytest.fixture
def file(tmp_path):
    def write(content, name="a.jsonl"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


ARRAYS = {
    "compact": f"[{','.join(LINES)}]",
    "a line each": "[\n" + ",\n".join(LINES) + "\n]\n",
    "spaced": f"  \n [ {' , '.join(LINES)} ] \n\n",
}


@pytest.mark.parametrize("text", ARRAYS.values(), ids=ARRAYS)
def test_an_array_gives_the_rows_of_its_elements_as_lines(file, monkeypatch, text):
    monkeypatch.setattr(splits, "SPLIT_BYTES", 500)
    expected = rows(file("".join(f"{line}\n" for line in LINES).encode()))
    assert [row["reason"] for row in expected] == ["", "", "missing_field", "", *["wrong_type"] * 2, "malformed_json"]
    for chunk in (1, 7, 1 << 20):
        monkeypatch.setattr(reading, "READ_AHEAD_BYTES", chunk)
        assert rows(file(text.encode(), "a.json")) == expected
        assert rows(file(codecs.BOM_UTF8 + text.encode(), "a.json")) == expected
    assert rows(file(gzip.compress(text.encode()), "a.json.gz")) == expected


def test_an_indented_array_gives_the_problems_of_its_lines(file):
    lines = [problem_line(number) for number in range(4)]
    expected = rows(file("\n".join(lines).encode()))
    path = file(json.dumps(list(map(json.loads, lines)), indent=2).encode(), "problems.json")
    assert rows(path) == expected
    (plan,) = survey_corpus(found(path), None, 0)
    assert [row["locator"] for row in read_rows(plan)] == [f"{path}#{number}" for number in (1, 2, 3, 4)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    values=st.lists(VALUES),
    indent=st.none() | st.integers(0, 2),
    plain=st.booleans(),
    chunk=st.integers(1, 20),
)
def test_any_array_is_cut_where_its_elements_end(values, indent, plain, chunk):
    class Chunks(io.BytesIO):
        def read(self, size=-1):
            del size
            return super().read(chunk)

    text = json.dumps(values, indent=indent, ensure_ascii=plain).encode("utf-8", "surrogatepass")
    elements = [element for element in cut_array(Chunks(text)) if element.strip()]
    assert repr([json.loads(element.decode("utf-8", "surrogatepass")) for element in elements]) == repr(values)


def test_an_element_too_long_is_cut_and_the_next_one_is_whole(monkeypatch):
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 10)
    for chunk in (1, 4, 100):
        monkeypatch.setattr(reading, "READ_AHEAD_BYTES", chunk)
        assert list(cut_array(io.BytesIO(b'["' + b"x" * 50 + b'", {"a": 1}]'))) == [
            b'"' + b"x" * 9 + b"\n",
            b'{"a": 1}\n',
        ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '[{"a": 1}, {"a": 2}',
            "the array has no end: cut off, or a bracket or quote is missing",
        ),
        ('[{"a": 1}, {"a": 2}, ', "in or behind element 2"),
        ('[{"a": 1, {"a": 2}]', "in or behind element 0"),
        ('[{"a": 1}, {"a: 2}]', "in or behind element 1"),
        ('[{"a": 1}] {"a": 2}', "something stands behind the end of the array"),
    ],
)
def test_an_array_that_cannot_be_cut_is_an_error_that_names_the_file(file, text, fault):
    with pytest.raises(OSError, match=rf"a\.json: .*{fault}"):
        read(file(text.encode(), "a.json"))


@pytest.mark.parametrize("first", ["[1, 2]", "[]", '[{"a": 1}]', "[1, 2", "[ broken"])
def test_lines_of_which_the_first_is_an_array_are_lines(file, first):
    assert read(file(f"{first}\n{LINES[0]}\n".encode())) == [first.encode(), LINES[0].encode()]


@pytest.mark.parametrize("content", [b"[]", b" [ ] \n", b"", b"\n"])
def test_nothing_gives_no_problem(file, content):
    assert rows(file(content)) == []


def lz4(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


PACKINGS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
    "lz4": lz4,
}


@pytest.mark.parametrize("name", ["a.jsonl.{}", "A.JSONL.{}", "packed"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_packed_files_are_read_whatever_their_names(file, tmp_path, packing, name):
    pack = PACKINGS[packing]
    name = name.format(packing.upper() if name[0] == "A" else packing)
    file(pack(b"1\n2\n") + pack(b"3\n"), name)
    assert read(tmp_path / name) == [b"1", b"2", b"3"]
    if name != "packed":
        assert read(tmp_path) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_packed_file_that_is_cut_off_is_an_error_that_names_it(file, packing):
    data = PACKINGS[packing](json.dumps(list(range(30_000))).encode())
    with pytest.raises(OSError, match=rf"a\.jsonl\.{packing}: "):
        read(file(data[: len(data) // 2], f"a.jsonl.{packing}"))


def test_names_in_capitals_are_found_in_a_folder(file, tmp_path):
    file(b"1\n", "A.JSONL")
    file(b"2\n", "b.Json")
    assert read(tmp_path) == [b"1", b"2"]


ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]
SIGNED = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE, "utf-32-be": codecs.BOM_UTF32_BE}


@pytest.mark.parametrize(
    "text", ["\n".join(LINES), "\r\n".join(LINES), ARRAYS["a line each"]], ids=["lines", "of Windows", "array"]
)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_other_encodings_give_the_same_rows(file, monkeypatch, encoding, text):
    monkeypatch.setattr(splits, "SPLIT_BYTES", 500)
    expected = rows(file(text.encode()))
    data = text.encode(encoding)
    monkeypatch.setattr(reading, "READ_AHEAD_BYTES", 7)
    assert rows(file(data)) == expected
    assert rows(file(SIGNED.get(encoding, b"") + data)) == expected
    assert rows(file(gzip.compress(data), "b.jsonl.gz")) == expected


def test_what_is_wrong_in_another_encoding_costs_its_line(file):
    text = f"{LINES[0]}\n".encode("utf-16-le")
    lone = codecs.BOM_UTF16_LE + text + b"\x00\xd8" + "\n".encode("utf-16-le") + text
    assert [row["reason"] for row in rows(file(lone))] == ["", "invalid_unicode", "duplicate_problem"]
    with pytest.raises(OSError, match=r"a\.jsonl: .*truncated data"):
        read(file(codecs.BOM_UTF16_LE + text + b"{"))


def test_a_byte_order_mark_before_any_line_is_no_part_of_it(file):
    mark = "\ufeff"
    path = file("".join(f"{mark}{line}\n" for line in (LINES[0], LINES[3])).encode())
    assert rows(path) == rows(file(f"{LINES[0]}\n{LINES[3]}\n".encode()))


def test_what_else_a_file_may_be_is_refused_by_name(file):
    zipped, tarred, table = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as packed:
        packed.writestr("a.jsonl", "{}\n")
    with tarfile.open(fileobj=tarred, mode="w:gz") as packed:
        packed.addfile(tarfile.TarInfo("a.jsonl"))
    pq.write_table(pa.table({"n": [1]}), table)
    for data, what in ((zipped, "a zip archive"), (tarred, "a tar archive"), (table, "Parquet")):
        with pytest.raises(ValueError, match=rf"a\.jsonl: {what}; allowed: lines of JSON"):
            found(file(data.getvalue()))


@pytest.mark.parametrize("text", ['{\n  "data": []\n}', '\n{ \n\n"refcode": ""\n}\n{\n"refcode": ""}'])
def test_an_object_over_several_lines_is_refused(file, text):
    with pytest.raises(ValueError, match=r"a\.json: one JSON object over several lines; allowed: one per line"):
        found(file(text.encode(), "a.json"))
