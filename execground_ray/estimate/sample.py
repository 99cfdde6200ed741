"""Sampled problems go through the stages of the stream in this process; what each gives and costs comes out."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa

from execground_ray.config.errors import ConfigError
from execground_ray.config.schema import Config, HttpTranslator, VllmTranslator
from execground_ray.corpus.contamination import read_benchmarks
from execground_ray.output.rows import is_rejected, json_line, rejected_row, training_row
from execground_ray.output.shards import records_file
from execground_ray.records import COLUMNS, Problem, Row, RowId, Stage, schema_after
from execground_ray.stages.export_examples import export_rows
from execground_ray.stages.filter_problems import filter_rows
from execground_ray.stages.trace_execution import TraceExecution
from execground_ray.stages.verify_examples import verifier_for, verify_rows
from execground_ray.translators.llm.prompting import translation_prompt
from execground_ray.translators.llm.tokens import ChatTokenizer, chat_tokenizer
from execground_ray.translators.none import stop_rows
from execground_ray.translators.template.translator import translate_rows

CHARACTERS_PER_TOKEN = 3.5
TEXT_TOKENS = 310  # of 22 texts that a model wrote of traces, in the mean
THINKING_TOKENS = 3000  # before such a text: an assumption

# Programs of both kinds of workers, with a package and without.
WARM_UP = [
    {
        "problem_description": "Add.",
        "io_requirements": "",
        "refcode": f"{line}\ndef main_solution(n):\n    return n + 1\n",
        "funcname": "main_solution",
        "ios": [{"input": {"n": 1}, "output": 2}],
        "source": "",
        "category": "",
        "meta": {},
    }
    for line in ("import math", "import numpy")
]


@dataclass
class Sample:
    """What became of the sampled problems; the lists have one number for each of them.

    Attributes:
        endings: problems by stage and reason; of those that are examples both are empty.
        rows: training rows, and rows that a model would be asked about.
        cpu_seconds: of all that was run.
        stored_bytes: in the output.
        prompt_tokens: that a model would read.
    """

    endings: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    stored_bytes: list[float] = field(default_factory=list)
    prompt_tokens: list[float] = field(default_factory=list)


def run_sample(config: Config, caged: bool, problems: Iterator[list[Row]], tokenizer: ChatTokenizer | None) -> Sample:
    """Take the problems through the stages, one by one, and note what each gives and costs."""
    sample = Sample()
    trace = TraceExecution(config.tracing, caged, config.seed, config.sampling.examples_per_problem)
    verify = partial(verify_rows, verification=config.verification, tracing=config.tracing, caged=caged)
    translate = translate_rows if config.translator.kind == "template" else stop_rows
    prefilter = partial(filter_rows, benchmarks=read_benchmarks(config.prefilter.decontaminate))
    stages = (prefilter, trace, translate, verify, partial(export_rows, export=config.export))

    def run(rows: list[Row]) -> pa.Table:
        table = pa.Table.from_pylist(rows, schema_after(Stage.READ, rows[0]))
        for stage in stages:
            table = stage(table)
        return table

    records, lines = [], []
    try:
        for program in WARM_UP:  # what starts the workers is no problem's cost
            run([COLUMNS[Stage.READ] | {"id": "0", "problem": json.dumps(program)}])
        for rows in problems:
            before = cpu_seconds()
            table = run(rows)
            sample.cpu_seconds.append(cpu_seconds() - before)
            records.append(table)
            lines.append(_note(sample, config, table.to_pylist(), tokenizer))
    finally:
        trace.close()
        verifier_for(config.verification, config.tracing, caged).close()
    packed = records_file(pa.concat_tables(records)).size / sum(table.nbytes for table in records)
    sample.stored_bytes = [size + packed * table.nbytes for size, table in zip(lines, records, strict=True)]
    return sample


def _note(sample: Sample, config: Config, rows: list[Row], tokenizer: ChatTokenizer | None) -> float:
    """Note how a problem ended, and return the bytes of its lines in the shards, and of the texts that are to come."""
    kept = [row for row in rows if not is_rejected(row["reason"])]
    ended = min(kept or rows, key=lambda row: RowId.parse(row["id"]).number)
    sample.endings[ended["stage"], ended["reason"]] += 1
    sample.rows.append(len(kept))
    asked = [row for row in kept if row["reason"]] if config.translator.kind != "none" else []
    sample.prompt_tokens.append(sum(_prompt_tokens(row, config, tokenizer) for row in asked))
    lines = [json_line(training_row(row)) for row in kept if not row["reason"]]
    lines += [json_line(rejected_row(row)) for row in rows if is_rejected(row["reason"])]
    # A text stands in a record and in a training row, and there the question and the code besides.
    texts = sum(2 * TEXT_TOKENS * CHARACTERS_PER_TOKEN + len(row["problem"]) for row in asked)
    return sum(len(line.encode()) + 1 for line in lines) + texts


def _prompt_tokens(row: Row, config: Config, tokenizer: ChatTokenizer | None) -> float:
    translator = config.translator
    assert isinstance(translator, VllmTranslator | HttpTranslator)  # noqa: S101
    message = translation_prompt(translator.prompt, Problem.from_json(row["problem"]), row["input"], row["trace"])
    if tokenizer is None:
        return len(message) / CHARACTERS_PER_TOKEN
    return len(tokenizer.prompt(message, bool(translator.enable_thinking)).tokens)


def find_tokenizer(config: Config) -> ChatTokenizer | None:
    """Return the tokenizer of the model that is to translate; None if there is no such model, or it cannot be had."""
    if not isinstance(config.translator, VllmTranslator | HttpTranslator):
        return None
    try:
        return chat_tokenizer(config.translator.model)
    except ConfigError:
        return None


def cpu_seconds() -> float:
    """Return the CPU time of this process and all below it, with those that have ended."""
    ticks, waiting = 0, [os.getpid()]
    while waiting:
        process = Path(f"/proc/{waiting.pop()}")
        with suppress(OSError):  # it has ended since
            ticks += sum(map(int, (process / "stat").read_text().rpartition(")")[2].split()[11:15]))
            for listing in process.glob("task/*/children"):
                waiting += map(int, listing.read_text().split())
    return ticks / os.sysconf("SC_CLK_TCK")
