"""A small dataset as a run leaves it, made by the real stages one after the other, without Ray."""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
from problem_lines import problem_line

from execground_ray.config.loading import load, to_yaml
from execground_ray.corpus.survey import survey_corpus
from execground_ray.output.layout import CONFIG
from execground_ray.output.record_split import open_source
from execground_ray.output.storage import Folder
from execground_ray.records import Stage, schema_after
from execground_ray.report.presentation import present
from execground_ray.report.summary import count_shards, make_summary, write_summary
from execground_ray.stages.export_examples import export_rows
from execground_ray.stages.filter_problems import filter_rows
from execground_ray.stages.read_problems import read_rows
from execground_ray.stages.trace_execution import TraceExecution
from execground_ray.stages.verify_examples import verifier_for, verify_rows
from execground_ray.stages.write_shards import ShardSink
from execground_ray.translators.none import stop_rows
from execground_ray.translators.template.translator import translate_rows

LOOP = "def main_solution(n):\n    total = 0\n    for step in range(n):\n        total += step * 2\n    return total\n"
CHOICE = "def main_solution(n):\n    if n > 1:\n        return 'many'\n    return 'few'\n"
HOSTILE_TEXT = '</script><img src=x onerror="window.hacked=1"><!-- ]]> {{ 7*7 }} & <b>bold</b>'
HOSTILE = f"def main_solution(n):\n    text = {HOSTILE_TEXT!r}\n    return len(text) + n\n"
ENDLESS = "def main_solution(n):\n    while True:\n        n += 1\n"


def problem(number, refcode=None, outputs=None, **changes):
    """A problem whose function takes one number; the recorded outputs are those for 0, 1 and 2."""
    record = json.loads(problem_line(number)) | changes
    if refcode:
        record["refcode"] = refcode
        record["ios"] = [{"input": {"n": n}, "output": output} for n, output in enumerate(outputs)]
    return json.dumps(record)


def corpus():
    """The lines of the corpus: eight problems that are accepted, and five that are not, for five reasons."""
    hostile = len(HOSTILE_TEXT)
    return [
        *(problem(number) for number in range(1, 6)),
        problem(11, LOOP, [0, 0, 2], problem_description="Double the steps."),
        problem(12, CHOICE, ["few", "few", "many"]),
        problem(13, HOSTILE, [hostile, hostile + 1, hostile + 2], problem_description=HOSTILE_TEXT),
        '{"problem_description": 3}',
        problem(21, "def main_solution(n:\n", [0]),
        problem(22, "def main_solution(n):\n    return 1 / 0\n", [0]),
        problem(23, LOOP, [5, 5, 5]),
        problem(24, ENDLESS, [0]),
    ]


def make_output(path, overrides=(), rows_per_write=5, more=()):
    """Make the dataset of ``corpus`` and more lines in ``path / "out"`` and return that."""
    source = path / "corpus.jsonl"
    source.write_text("".join(f"{line}\n" for line in [*corpus(), *more]))
    return run_stages(
        [f"output.dir={path / 'out'}", "source=jsonl", f"source.path={source}", *overrides], rows_per_write
    )


def run_stages(overrides, rows_per_write=5):
    """Make the dataset that these settings describe, without Ray, and return its folder."""
    config = load(["tracing.preload=[]", *overrides])
    folder = Folder.at(config.output.dir)
    folder.write_text(CONFIG, to_yaml(config))
    plans = survey_corpus(open_source(config), config.source.limit, config.seed)
    rows = [row for plan in plans for row in read_rows(plan)]
    table = filter_rows(pa.Table.from_pylist(rows, schema_after(Stage.READ, rows[0])))
    trace = TraceExecution(config.tracing, True, config.seed, config.sampling.examples_per_problem)
    table = trace(table)
    trace.close()
    for stage in (
        stop_rows if config.translator.kind == "none" else translate_rows,
        partial(verify_rows, verification=config.verification, tracing=config.tracing, caged=True),
        partial(export_rows, export=config.export),
    ):
        table = stage(table)
    verifier_for(config.verification, config.tracing, True).close()
    sink = ShardSink(folder, rows_per_write)
    for task, start in enumerate(range(0, table.num_rows, rows_per_write)):
        sink.write([table.slice(start, rows_per_write)], SimpleNamespace(task_idx=task))
    run = {"seconds": 2.0, "sandbox": {"kind": "sandlock"}, "config": asdict(config)}
    run["throughput"] = [(0.0, 0), (1.0, 6), (2.0, 13)]
    write_summary(folder, make_summary(count_shards(folder), sum(plan.rows for plan in plans), run))
    present(folder)
    return Path(config.output.dir)
