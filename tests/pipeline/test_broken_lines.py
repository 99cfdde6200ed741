"""A corpus with broken lines, without the cage, three examples per problem, over an older dataset: one run for all.

The programs that run uncaged here only add two numbers.
"""

import json
from collections import Counter, defaultdict

import pytest
from job import rows_of
from problem_lines import problem_line

from execground_ray.config.loading import load, to_yaml

GOOD = 40
EXAMPLES = 3
OLD = "0123abcd-000000.jsonl"
SURROGATE = "\\ud800"


def line(**changes):
    """A good line with some fields changed; None takes a field away."""
    record = json.loads(problem_line(1000)) | changes
    return json.dumps({name: value for name, value in record.items() if value is not None}).encode()


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


# Each broken line with the reason and the words that the detail begins with, behind file and line.
BROKEN = [
    (line()[:-30], "malformed_json", ""),
    (b"# not JSON at all", "malformed_json", ""),
    (b"{'problem_description': 'single quotes'}", "malformed_json", ""),
    (line() + b",", "malformed_json", "Extra data"),
    (b'{"funcname": "a", ' + line()[1:], "malformed_json", "the key 'funcname' stands twice"),
    (b"[1, 2, 3]", "wrong_type", "the line: expected an object"),
    (b"null", "wrong_type", "the line: expected an object"),
    (b'"text"', "wrong_type", "the line: expected an object"),
    (b"{}", "missing_field", "problem_description: missing"),
    (line(io_requirements=None), "missing_field", "io_requirements: missing"),
    (line(refcode=None), "missing_field", "refcode: missing"),
    (line(ios=None), "missing_field", "ios: missing"),
    (line(ios=[{"input": {"n": 1}}]), "missing_field", "ios[0].output: missing"),
    (line(refcode=["def main_solution(): pass"]), "wrong_type", "refcode: expected a string, found an array"),
    (line(ios={"input": {}, "output": 1}), "wrong_type", "ios: expected an array, found an object"),
    (line(ios=[{"input": [1], "output": 1}]), "wrong_type", "ios[0].input: expected an object, found an array"),
    (line(ios=[{"input": {"n": nested(200)}, "output": 1}]), "wrong_type", "nested more than"),
    (line().replace(b'"output": 1000', b'"output": 1e999'), "wrong_type", "the number 1e999 is out of range"),
    (line().replace(b"Add", b"\xff\xfe"), "invalid_unicode", "byte 0xff at column"),
    (line().replace(b"Add", SURROGATE.encode()), "invalid_unicode", "problem_description: a lone surrogate"),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The file, and for the number of each broken line its fault."""
    file = tmp_path_factory.mktemp("corpus") / "problems.jsonl"
    lines, faults = [], {}
    for number in range(GOOD):
        if number % 2 == 0:
            raw, *fault = BROKEN[number // 2]
            lines.append(raw)
            faults[len(lines)] = fault
        lines.append(problem_line(number).encode())
    file.write_bytes(b"\n".join(lines))
    assert len(faults) == len(BROKEN) == 20
    return file, faults


@pytest.fixture(scope="module")
def run(start_job, corpus, tmp_path_factory):
    output = tmp_path_factory.mktemp("broken") / "out"
    for name in (f"train/{OLD}", f"rejected/{OLD}", "summary.json"):
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_text('{"id": "0123456789abcdef"}\n')
    (output / "config.yaml").write_text(to_yaml(load(["seed=5"])))
    job = start_job(
        "source=jsonl",
        f"source.path={corpus[0]}",
        f"output.dir={output}",
        "output.on_existing=overwrite",
        "sandbox=none",
        f"sampling.examples_per_problem={EXAMPLES}",
        "cluster.num_cpus=2",
        "tracing.preload=[]",
    )
    ended = job.wait()
    return output, ended, job.left_behind(patience_seconds=30)


@pytest.fixture(scope="module")
def train(run):
    return rows_of(run[0], "train")


@pytest.fixture(scope="module")
def rejected(run):
    return rows_of(run[0], "rejected")


def test_the_run_ends_well_and_leaves_no_process_behind(run):
    _, ended, left = run
    assert ended.code == 0, ended.stderr
    assert left == []


def test_every_broken_line_is_rejected_with_file_line_and_field(rejected, corpus):
    file, faults = corpus
    assert len(rejected) == len(faults)
    for number, (reason, words) in faults.items():
        (row,) = [row for row in rejected if row["detail"].startswith(f"{file}:{number}: {words}")]
        assert (row["stage"], row["reason"]) == ("read", reason)


def test_every_good_line_gives_its_examples(train):
    pairs = defaultdict(set)
    for row in train:
        pairs[row["id"].split("-")[0]].add((row["id"], row["pair"], row["input"]))
    assert len(pairs) == GOOD
    for identity, examples in pairs.items():
        assert {name for name, _, _ in examples} == {identity, f"{identity}-2", f"{identity}-3"}
        assert len({pair for _, pair, _ in examples}) == EXAMPLES
        assert len({arguments for _, _, arguments in examples}) == EXAMPLES


def test_examples_hold_what_the_code_returns(train):
    sums = Counter()
    for row in train:
        sums[json.loads(row["output"]) - json.loads(row["input"])["n"]] += 1
    assert sums == dict.fromkeys(range(GOOD), EXAMPLES)


def test_the_counts_add_up(run):
    summary = json.loads((run[0] / "summary.json").read_text())
    assert summary["counts_add_up"]
    assert summary["problems_read"] == GOOD + len(BROKEN)
    assert summary["problems_with_examples"] == GOOD
    assert summary["examples"] == GOOD * EXAMPLES


def test_nothing_of_the_older_dataset_is_left(run, train, rejected):
    assert not list(run[0].rglob(OLD))
    assert "0123456789abcdef" not in {row["id"] for row in train + rejected}


def test_without_the_cage_there_is_a_warning_that_nobody_can_miss(run):
    output, ended, _ = run
    first = ended.stderr.strip().splitlines()[:4]
    assert first[0] == first[3] == "*" * len(first[0])
    assert "sandbox=none: the programs of the corpus run UNCONFINED, with all your rights" in first[1]
    assert json.loads((output / "summary.json").read_text())["sandbox"] == {"kind": "none"}
