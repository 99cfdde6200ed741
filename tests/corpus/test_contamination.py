"""Leaks: what is copied from a listed file is found, however it was disguised, and nothing else."""

import gzip
import json

import pytest
from disguise import disguised
from problem_lines import accepted_problems

from execground_ray.config.errors import ConfigError
from execground_ray.corpus.contamination import read_benchmarks
from execground_ray.records import Problem

SAMPLE = accepted_problems()
LEAKED, OTHERS = SAMPLE[:80:4], [record for index, record in enumerate(SAMPLE) if index % 4 or index >= 80]


def problem(record, **changes):
    return Problem.from_json(json.dumps(record | changes))


def listed(path, *lines):
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return read_benchmarks([str(path)])


def test_twenty_planted_leaks_are_found_and_no_other_problem(tmp_path):
    path = tmp_path / "bench.jsonl"
    benchmarks = listed(path, *({"task_id": "t/1", "canonical_solution": record["refcode"]} for record in LEAKED))
    assert len(LEAKED) == 20
    for line, record in enumerate(LEAKED, 1):
        copied = problem(record, refcode=disguised(record["refcode"]), problem_description="Something else.")
        found = benchmarks.leak_in(copied)
        assert found.startswith("the code holds ")
        assert found.endswith(f"% of a text of {path}:{line}")
    assert [record["problem_description"] for record in OTHERS if benchmarks.leak_in(problem(record))] == []


def test_a_description_is_found_by_its_words(tmp_path):
    words = max((record["problem_description"] for record in LEAKED), key=len)
    benchmarks = listed(tmp_path / "a.jsonl", {"tests": [[1, {"question": words.upper()}]]})
    found = benchmarks.leak_in(problem(OTHERS[0], problem_description=f"Hello. {words.replace(' ', '  ')} Thanks!"))
    assert found == f"the description holds 100% of a text of {tmp_path}/a.jsonl:1"
    assert benchmarks.leak_in(problem(OTHERS[0])) is None


BODY = """
    counts = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts, key=counts.get)[:3]
"""


def test_the_body_of_a_function_is_code_too(tmp_path):
    benchmarks = listed(tmp_path / "a.jsonl", {"prompt": "def f(text):\n", "canonical_solution": BODY})
    assert benchmarks.leak_in(problem(OTHERS[0], refcode=disguised(f"def f(text):{BODY}")))


def test_a_part_of_a_text_is_no_leak_and_a_text_within_a_program_is_one(tmp_path):
    program = f"def f(text):{BODY}"
    whole = listed(tmp_path / "a.jsonl", {"code": program + SAMPLE[3]["refcode"] + SAMPLE[4]["refcode"]})
    assert whole.leak_in(problem(OTHERS[0], refcode=program)) is None
    part = listed(tmp_path / "b.jsonl", {"code": program})
    assert part.leak_in(problem(OTHERS[0], refcode=SAMPLE[3]["refcode"] + "\n" + program + SAMPLE[4]["refcode"]))


def test_code_of_a_few_tokens_leaks_as_a_whole_only(tmp_path):
    short = "def f(a, b):\n    return a[0] + b[1]\n"
    benchmarks = listed(tmp_path / "a.jsonl", {"code": short})
    assert benchmarks.leak_in(problem(OTHERS[0], refcode=disguised(short)))
    assert benchmarks.leak_in(problem(OTHERS[0], refcode=short + SAMPLE[3]["refcode"])) is None


def test_values_are_no_code(tmp_path):
    table = str(list(range(40)))
    benchmarks = listed(tmp_path / "a.jsonl", {"input": table, "text": "some words " * 9})
    assert benchmarks.leak_in(problem(OTHERS[0], refcode=f"def f():\n    return {table}\n")) is None


def test_several_files_compressed_or_not(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"code": SAMPLE[1]["refcode"]}) + "\n\n" + json.dumps({"n": 1}) + "\n")
    lines = "".join(json.dumps({"code": SAMPLE[index]["refcode"]}) + "\n" for index in (2, 3))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    benchmarks = read_benchmarks([str(tmp_path / "a.jsonl"), str(tmp_path / "*.gz")])
    assert benchmarks.leak_in(problem(SAMPLE[1])).endswith("a.jsonl:1")
    assert benchmarks.leak_in(problem(SAMPLE[3])).endswith("b.jsonl.gz:2")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no string of 13 words or more in it"),
        ('{"a": [1, "too short"]}\n', "no string of 13 words or more in it"),
        ('{"a": 1}\n{"a"\n', "a.jsonl:2: Expecting ':' delimiter"),
    ],
)
def test_a_file_without_texts_is_a_mistake(tmp_path, text, fault):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(ConfigError, match=r"^prefilter.decontaminate: ") as refused:
        read_benchmarks([str(tmp_path / "a.jsonl")])
    assert f"{tmp_path}/a.jsonl" in str(refused.value)
    assert fault in str(refused.value)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        read_benchmarks([f"{tmp_path}/nowhere.jsonl"])
    assert read_benchmarks([]) is None
