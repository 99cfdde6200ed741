"""The check passes a dataset as it was written, and names what is wrong with one that was damaged."""

import json
import shutil
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_output import LOOP, make_output, problem

from execground_ray.config.loading import load
from execground_ray.output.rows import json_line, training_prompt, training_row
from execground_ray.records import Problem
from execground_ray.report.proof import row_faults
from execground_ray.report.record_faults import record_faults
from execground_ray.translators.llm.prompting import with_thinking
from execground_ray.verification.citations import strip_citations
from execground_ray.verification.rows import RowVerifier
from ray_jobs.check import MOST_PROBLEMS, first_lines, main


@pytest.fixture
def check(monkeypatch, capsys):
    """Run the check on a folder in this process; returns the exit code and the lines that it printed."""

    def run(folder, *options):
        monkeypatch.setattr(sys, "argv", ["check", str(folder), "--workers=1", *options])
        code = main()
        said = capsys.readouterr()
        return code, [*said.out.splitlines(), *said.err.splitlines()]

    return run


@pytest.fixture
def copy(small_output, tmp_path):
    """A copy of the dataset, to be damaged."""
    return shutil.copytree(small_output, tmp_path / "copy")


def shard(folder, name="train"):
    return min((folder / name).iterdir())


def change_row(path, change, index=1):
    """Replace one line of a shard by what ``change`` makes of its row."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    lines[index] = change(json.loads(lines[index]))
    path.write_text("".join(lines), "utf-8")


def line(row):
    return json.dumps(row, ensure_ascii=False) + "\n"


def change_records(folder, change):
    """Rewrite the rows of the first file of records."""
    path = shard(folder, "records")
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)


def change_answer(folder):
    """Another final answer, in words and in its field: everything of the row fits together."""

    def change(row):
        row["messages"][1]["content"] = row["messages"][1]["content"].replace(row["output"], "77")
        return line(row | {"output": "77"})

    change_row(shard(folder), change)


def lose_shard(folder):
    shard(folder).unlink()


def duplicate_id(folder):
    path = shard(folder)
    path.write_text(path.read_text("utf-8") + path.read_text("utf-8").splitlines(keepends=True)[0], "utf-8")


def truncate_line(folder):
    path = shard(folder)
    path.write_bytes(path.read_bytes()[:-20])


def add_column(folder):
    change_row(shard(folder), lambda row: line(row | {"score": 0.5}))


def add_file(folder):
    (folder / "train" / "notes.txt").write_text("mine")


def change_count(folder):
    summary = json.loads((folder / "summary.json").read_text())
    summary["rejected"]["trace"]["exception"] += 1
    (folder / "summary.json").write_text(json.dumps(summary))


def swap_traces(folder):
    def swap(rows):
        rows[0]["trace"], rows[1]["trace"] = rows[1]["trace"], rows[0]["trace"]

    change_records(folder, swap)


DAMAGES = [
    (change_answer, ["train/", "messages is not what its record says", "output is not what its record says"]),
    (lose_shard, ["no shard has the rows", "summary.json: examples is 8, the shards hold 3"]),
    (duplicate_id, ["2 rows have this id", "summary.json: examples is 8, the shards hold 9"]),
    (truncate_line, ["train/", ":5: no row"]),
    (add_column, ["column 'score' does not belong here"]),
    (add_file, ["train/notes.txt: does not belong here"]),
    (change_count, ["summary.json: rejected is "]),
    (swap_traces, ["the trace is of another "]),
]


def test_the_command_proves_a_whole_dataset(run_command, small_output):
    ended = run_command("-m", "ray_jobs.check", str(small_output))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(
        "proved: 8 training rows and 5 rejected in 3 writes, 8 texts verified again, 8 traced again, in "
    )
    assert ended.stdout.count("\n") == 1


@pytest.mark.parametrize(("damage", "problems"), DAMAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_damaged_dataset_is_refused_with_what_is_wrong(check, copy, damage, problems):
    damage(copy)
    code, lines = check(copy)
    assert code == 1
    assert len(lines) <= MOST_PROBLEMS
    for told in problems:
        assert any(told in line for line in lines), lines


def rewrite_text(folder):
    """Another answer in the shard and in the record: only the execution contradicts it."""
    changed = {}

    def change(row):
        content = row["messages"][1]["content"]
        changed[row["id"]] = row["messages"][1]["content"] = content.replace("returns `", "returns `1")
        return line(row)

    change_row(shard(folder), change)
    change_records(folder, lambda rows: [row.update(text=changed.get(row["id"], row["text"])) for row in rows])


def rewrite_problem(folder):
    """Another program in the record, that would do the same."""
    change_records(folder, lambda rows: rows[0].update(problem=rows[0]["problem"].replace("Add", "Sum")))


def rewrite_trace(folder):
    """Another value in the trace than in the text."""
    change_records(folder, lambda rows: rows[0].update(trace=rows[0]["trace"].replace(" n = ", " n = 7", 1)))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (rewrite_text, "verified again"),
        (rewrite_problem, "its id is not that of its problem"),
        (rewrite_trace, "the trace is of another run: its n is 70"),
        (lambda folder: shard(folder, "records").unlink(), "cannot be read"),
        (lambda folder: shard(folder, "records").write_bytes(b"PAR1"), "cannot be read"),
        (lambda folder: shard(folder, "rejected").write_text("[]\n"), "no row"),
        (lambda folder: (folder / "train" / "inner").mkdir(), "train/inner: does not belong here"),
        (lambda folder: change_row(shard(folder), lambda row: json.dumps(row) + " \n"), "written otherwise"),
        (lambda folder: change_row(shard(folder), lambda row: line(dict(reversed(row.items())))), "another order"),
        (lambda folder: change_row(shard(folder), lambda row: line(row | {"trace_lines": "3"})), "trace_lines is not"),
        (lambda folder: change_row(shard(folder), lambda row: line(row | {"messages": None})), "messages is not"),
    ],
)
def test_what_does_not_fit_together_is_found(check, copy, damage, problem):
    damage(copy)
    code, lines = check(copy)
    assert code == 1
    assert any(problem in line for line in lines), lines


def test_a_trace_that_is_not_that_of_the_program(check, copy):
    """What no text cites and no rule reads: only an execution can tell."""
    change_records(copy, lambda rows: rows[0].update(trace=rows[0]["trace"].replace("Call to", "Call  to", 1)))
    code, lines = check(copy, "--sample=0")
    assert code == 1
    assert lines[0].endswith("evidence is true, verified again false")


@pytest.mark.parametrize("content", [None, "{", "{}", '{"config": {"seed": 1}}'])
def test_what_is_no_output_is_refused(check, tmp_path, content):
    if content is not None:
        (tmp_path / "summary.json").write_text(content)
    code, lines = check(tmp_path)
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith(f"error: {tmp_path}")


def test_of_many_problems_the_first_are_shown():
    assert len(first_lines(["x"] * MOST_PROBLEMS)) == MOST_PROBLEMS
    shown = first_lines([f"{number}\nx" for number in range(100)])
    assert len(shown) == MOST_PROBLEMS
    assert (shown[0], shown[-1]) == ("0\\nx", "… and 81 more")


def test_several_examples_of_a_problem_and_rows_rejected_at_the_end_are_proved(check, tmp_path):
    overrides = ["sampling.examples_per_problem=3", "export.tokenizer=characters", "export.max_tokens=430"]
    output = make_output(tmp_path, overrides)
    summary = json.loads((output / "summary.json").read_text())
    assert summary["rejected"]["export"]["too_many_tokens"] > 0
    assert summary["examples"] > summary["problems_with_examples"] > 0
    code, lines = check(output)
    assert code == 0, lines


def test_an_input_that_was_made_smaller_is_proved(check, tmp_path):
    pairs = [{"input": {"n": n}, "output": n * (n - 1)} for n in (900, 5000, 777)]
    output = make_output(tmp_path, more=[json.dumps(json.loads(problem(31, LOOP, [0])) | {"ios": pairs})])
    summary = json.loads((output / "summary.json").read_text())
    assert (summary["examples"], summary["examples_with_derived_input"]) == (9, 1)
    code, lines = check(output, "--sample=9")
    assert code == 0, lines
    for path in (output / "records").iterdir():
        table = pq.read_table(path)
        rows = table.to_pylist()
        for row in rows:
            if row["derived_input"]:
                assert 2 < json.loads(row["input"])["n"] < 100
                row["input"] = json.dumps(pairs[row["pair"]]["input"])
        pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    code, lines = check(output, "--sample=0")
    assert code == 1
    assert any("its input is recorded, not derived" in line for line in lines)


@pytest.mark.parametrize("made_by", ["template", "http", "http of an earlier version"])
def test_what_a_model_thought_belongs_before_the_text_only_where_it_is_kept(small_output, made_by):
    translator = made_by.partition(" ")[0]
    config = load(["translator=http", "translator.keep_thinking=true"] if translator == "http" else [])
    record = pq.read_table(shard(small_output, "records")).to_pylist()[0] | {"translator": translator}
    if made_by == "http":
        record["attempts"] = json.dumps([{"text": record["text"], "thinking": "Hm."}])
    prompt = training_prompt(Problem.from_json(record["problem"]), record["input"])
    answer = with_thinking("Hm.", strip_citations(record["text"]))
    if "earlier" in made_by:
        del record["attempts"], record["translator"]
    row = training_row({"translator": translator} | record | {"prompt": prompt, "answer": answer})
    faults = list(row_faults("train", json_line(row), record, config))
    assert faults == ([] if translator == "http" else ["messages is not what its record says"])


def test_a_record_whose_attempts_do_not_add_up_is_found(small_output):
    config = load(["translator=http"])
    record = pq.read_table(shard(small_output, "records")).to_pylist()[0] | {"translator": "http", "evidence": None}
    attempt = {"text": record["text"], "thinking": "", "prompt_tokens": 5, "generated_tokens": 3}
    record |= {"attempts": json.dumps([attempt, attempt]), "prompt_tokens": 10, "generated_tokens": 6}
    with RowVerifier(config.verification, config.tracing, caged=True) as verifier:
        text = "text is not that of its last attempt"
        others = (({}, []), ({"generated_tokens": 3}, ["generated_tokens is 3, not the sum of its attempts"]))
        for changes, faults in (*others, ({"attempts": json.dumps([attempt, attempt | {"text": "Else."}])}, [text])):
            changed = record | changes
            del changed["evidence"]  # the text is not verified here
            assert list(record_faults(changed, config, verifier)) == faults
