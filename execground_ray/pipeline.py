"""The data flow, top to bottom: problems in, training rows and rejected rows out. The map of the project.

Nothing in ``stream`` runs before its last line, the write; from then on all stages run at once, rows streaming from one
to the next in small blocks. A row that is rejected stays in the stream, passes the later stages untouched, and is
written with its reason.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import ray
from ray.data import ActorPoolStrategy, TaskPoolStrategy

from execground_ray.cluster import (
    STAGE_CPUS,
    WRITE_CPUS,
    TracingActors,
    connect,
    patience_seconds,
    plan_tracing,
    set_up_stream,
)
from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import to_yaml
from execground_ray.config.schema import Config
from execground_ray.corpus.contamination import Benchmarks, read_benchmarks
from execground_ray.corpus.duplicates import Finished
from execground_ray.corpus.splits import Split, Surveyed, fingerprint
from execground_ray.corpus.survey import SplitPlan, SurveyOptions, Work, map_on_ray, survey_corpus
from execground_ray.output.attempts import carry_over, check_maker, noted, read_attempts, whole_run
from execground_ray.output.layout import CONFIG, REPORT, SUMMARY, new_run
from execground_ray.output.lock import locked
from execground_ray.output.record_split import open_source
from execground_ray.output.resume import delete_late_writes, finished_problems, prepare_output
from execground_ray.output.storage import Folder, check_there
from execground_ray.progress import Progress, count_rows
from execground_ray.records import Stage, stage_in
from execground_ray.report.presentation import present, push_to_hub
from execground_ray.report.summary import count_shards, make_summary, table, token_line, write_summary
from execground_ray.stages.export_examples import check_tokenizer, export_rows
from execground_ray.stages.filter_problems import filter_rows
from execground_ray.stages.read_problems import ProblemSource
from execground_ray.stages.trace_execution import TraceExecution
from execground_ray.stages.verify_examples import verify_rows
from execground_ray.stages.write_shards import ShardSink
from execground_ray.tracing.availability import check_sandbox
from execground_ray.translators.none import NoTranslation
from execground_ray.translators.translator import Translator, open_translator
from execground_ray.verification.rows import RowVerifier

# A block is what one actor works on at a time. Small ones let all actors end together; but each takes the driver some
# 25 ms, and memory for as long as the stream runs.
BLOCKS_PER_ACTOR = 32
LEAST_BLOCK_ROWS, MOST_BLOCK_ROWS = 8, 256
FINISHED = "is finished already; output.on_existing=overwrite builds it anew"


def build_dataset(config: Config) -> int:
    """Build the dataset that ``config`` describes and return the exit code: 0, or 1 if the counts do not add up.

    Raises:
        ConfigError: the input cannot be found, the output may not be touched, or programs cannot be caged here.
    """
    folder = Folder.at(config.output.dir)
    sandbox = check_sandbox(config.sandbox)
    with locked(folder):
        summary = finish(folder, config, sandbox)
    publish(config)
    return 0 if summary["counts_add_up"] else 1


def finish(folder: Folder, config: Config, sandbox: dict[str, Any]) -> dict[str, Any]:
    """Make what is missing of the dataset, and return its summary."""
    started = time.monotonic()
    earlier = json.loads(folder.read_text(SUMMARY)) if prepare_output(folder, config) else {}
    splits = find_source(config, bool(earlier))
    source = fingerprint(splits or [], config.source.limit)
    if splits is None or source.items() <= earlier.get("source", {}).items():
        print(f"{folder.location} {FINISHED}")
        return dict(earlier)
    check_tokenizer(config.export)
    benchmarks = read_benchmarks(config.prefilter.decontaminate)
    translator = find_translator(config, splits)
    with connect(config.cluster) as node_cpus:
        if not earlier:
            translator.start()
        finished, kept = finished_problems(folder)
        plans = survey(config, splits, finished)
        if isinstance(translator, NoTranslation) and lacks_texts(plans):
            translator = open_translator(config)
            if not earlier:
                translator.start()
        work = Work.of(plans, finished)
        source["no_longer_in_it"] = work.gone
        say_what_is_done(work, folder)
        if earlier and work.done == work.total:
            print(f"{folder.location} {FINISHED}")
            write_summary(folder, earlier | {"source": source})
            return dict(earlier)
        if work.done < work.total:
            check_maker(folder, earlier)
        folder.write_text(CONFIG, to_yaml(config))
        if earlier:
            translator.start()
            carry_over(folder, earlier)
            folder.delete(SUMMARY)
        progress = Progress(work.total - work.done)

        def tell() -> dict[str, Any]:
            points = list(progress.history.points)
            spent = {"seconds": time.monotonic() - started, "tokens": translator.tokens()}
            return spent | {"done": work.done + work.gone, "throughput": points}

        run = new_run()
        with noted(folder, run, tell):
            if work.done < work.total:
                actors = plan_tracing(node_cpus, config.tracing, translator.cpus)
                shared = None if benchmarks is None else ray.put(benchmarks)
                with progress:
                    stream(config, plans, Run(run, actors, translator, shared, progress.tally))
            delete_late_writes(folder, kept, run)
        check_there(folder)
        whole = whole_run(read_attempts(folder))
        told = whole | {"source": source, "sandbox": sandbox, "config": asdict(config)}
        return conclude(folder, work.total + work.gone, told)


def conclude(folder: Folder, problems_read: int, told: dict[str, Any]) -> dict[str, Any]:
    """Write the summary of what is there, which finishes the dataset, and the report; tell the user, and return it."""
    summary = make_summary(count_shards(folder), problems_read, told)
    write_summary(folder, summary)
    print(table(summary))
    if "translation" in summary:
        print(token_line(summary["translation"]))
    show(folder)
    print(f"written to {folder.location}")
    return summary


def find_source(config: Config, is_finished: bool) -> list[Split] | None:
    """Find the splits of the source; None if it cannot be found, but the dataset is finished.

    Raises:
        ConfigError: it cannot be found or read.
    """
    try:
        return open_source(config)
    except ConfigError as error:
        if not is_finished:
            raise
        print(f"warning: whether the source has grown is not known: {error}", file=sys.stderr)
        return None


def find_translator(config: Config, splits: list[Split]) -> Translator:
    """Open the translator; where an earlier output has all texts, no model is looked for or asked."""
    if splits and all(isinstance(split, Surveyed) and stage_in(Stage.TRANSLATE, split.last) for split in splits):
        return NoTranslation()
    return open_translator(config)


def lacks_texts(plans: list[SplitPlan]) -> bool:
    """Whether some problems of an earlier output that has all texts must be made again, as their rows are scattered."""
    return any(plan.weak for plan in plans if isinstance(plan.split, Surveyed))


def survey(config: Config, splits: list[Split], finished: Finished) -> list[SplitPlan]:
    """Plan the reading of the source.

    Raises:
        ConfigError: a file of it cannot be read to its end.
    """
    try:
        options = SurveyOptions(config.source.layout, config.prefilter.near_duplicates)
        return survey_corpus(splits, config.source.limit, config.seed, map_on_ray, finished, options)
    except OSError as error:
        raise ConfigError(f"source: {error}") from error


def say_what_is_done(work: Work, folder: Folder) -> None:
    """Say what of the source is done, and what is done that is not in it."""
    if work.done:
        print(f"{work.done:,} of {work.total:,} problems are done already", file=sys.stderr)
    if work.gone:
        print(
            f"warning: the source has changed: {work.gone:,} problems in {folder.location} are no longer in it; "
            "their rows stay (output.on_existing=overwrite builds it anew)",
            file=sys.stderr,
        )


def show(folder: Folder) -> None:
    """Make the report and the card, in a process beside this one: what they take must not add to what the job takes.

    The dataset is finished by now, and stays so if they fail: that is only said.
    """
    try:
        # Without a CPU of its own it cannot wait for one that somebody holds.
        ray.get(ray.remote(num_cpus=0, max_retries=0)(present).remote(folder))
    except Exception as error:
        cause = getattr(error, "cause", error)  # Ray's own error quotes a traceback
        print(
            f"warning: no {REPORT}: {type(cause).__name__}: {cause}; "
            f"`python -m ray_jobs.report {folder.path}` makes it from what is written",
            file=sys.stderr,
        )


def publish(config: Config) -> None:
    """Upload the finished dataset, if that is wanted."""
    if config.export.push_to_hub:
        print(push_to_hub(config.output.dir, config.export.push_to_hub))


@dataclass(frozen=True)
class Run:
    """What the stages of one run work with.

    Attributes:
        name: of the run, which the names of its shards begin with.
        actors: that trace.
        translator: who writes the reasoning.
        benchmarks: what no problem may hold, in the object store; None for nothing.
        tally: counts the rows that have come through.
    """

    name: str
    actors: TracingActors
    translator: Translator
    benchmarks: ray.ObjectRef[Benchmarks] | None
    tally: Any


def stream(config: Config, plans: list[SplitPlan], run: Run) -> None:
    """Compose the stages and run them: read, prefilter, trace, translate, verify, export, write."""
    actors, translator = run.actors, run.translator
    caged = config.sandbox.kind == "sandlock"
    problems = sum(plan.rows - len(plan.done) for plan in plans)
    in_block = block_rows(problems, actors.count, config.export.rows_per_shard)
    set_up_stream(patience_seconds(config.tracing, in_block, translator.patience_seconds))
    few = TaskPoolStrategy(size=actors.count)  # more would only start more processes
    small: dict[str, Any] = {"batch_format": "pyarrow", "batch_size": None, "num_cpus": STAGE_CPUS, "compute": few}

    rows = ray.data.read_datasource(
        ProblemSource(plans),
        num_cpus=STAGE_CPUS,
        concurrency=actors.count,
        override_num_blocks=math.ceil(problems / in_block),
    )
    # As many CPUs as the actors: so Ray runs both in one step, and no row travels between them.
    prefilter = partial(filter_rows, benchmarks=run.benchmarks)
    rows = rows.map_batches(prefilter, **small | {"num_cpus": actors.cpus})
    rows = rows.map_batches(
        TraceExecution,
        fn_constructor_args=(
            config.tracing,
            caged,
            config.seed,
            config.sampling.examples_per_problem,
        ),
        compute=ActorPoolStrategy(size=actors.count),
        num_cpus=actors.cpus,
        batch_format="pyarrow",
        batch_size=None,
    )
    referee = partial(RowVerifier, config.verification, config.tracing, caged=caged)
    rows = translator.translate(rows, small, referee if config.verification.mode == "enforce" else None)
    verify = partial(
        verify_rows,
        verification=config.verification,
        tracing=config.tracing,
        caged=caged,
        fallback=getattr(config.translator, "fallback", "none") == "template",
    )
    rows = rows.map_batches(verify, **small)
    rows = rows.map_batches(partial(export_rows, export=config.export), **small)
    rows = rows.map_batches(partial(count_rows, tally=run.tally), **small)
    sink = ShardSink(Folder.at(config.output.dir), config.export.rows_per_shard, run.name)
    rows.write_datasink(sink, ray_remote_args={"num_cpus": WRITE_CPUS})


def block_rows(problems: int, actors: int, rows_per_shard: int) -> int:
    """Return how many of so many problems to give to an actor at a time, never more than one shard is to hold."""
    return min(MOST_BLOCK_ROWS, rows_per_shard, max(LEAST_BLOCK_ROWS, problems // (actors * BLOCKS_PER_ACTOR)))
