"""How fast tracing is: against the reference implementation's way, inside the whole job, and over very many runs.

``python -m benchmarks.tracing --source FILE.jsonl --limit 60`` traces the same problems in both ways:

- baseline: a fresh interpreter for each of up to ten pairs of a problem, every pair traced to the end by real snoop
  under a 5 s limit, and its text filtered as the reference implementation does (see ``reference_tracing``).
- ours: ``TraceRunner`` with ``experiment=paper``, the determinism check and the start of its workers included.

``--mode job`` compares the whole Ray job with a bare loop over the same stages, reading to export: efficiency = the
loop's CPU time / (the job's wall time * cores). What Ray takes to start and end, however long the corpus is, is shown
by the same job on one problem. ``--mode soak --runs 10000`` makes so many runs in one pair of workers
that are never replaced, and counts what is left behind.

The baseline runs the programs WITHOUT A CAGE, as the reference does. CPU seconds include all children.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.reference_tracing import is_accepted, trace_in_fresh_interpreters
from execground_ray.config.loading import load
from execground_ray.config.schema import Config, Tracing
from execground_ray.corpus.survey import survey_corpus
from execground_ray.output.record_split import open_source
from execground_ray.records import Pair, Problem, Stage, schema_after
from execground_ray.stages.export_examples import export_rows
from execground_ray.stages.filter_problems import filter_rows
from execground_ray.stages.read_problems import read_rows
from execground_ray.stages.trace_execution import TraceExecution, pair_order
from execground_ray.stages.verify_examples import verifier_for, verify_rows
from execground_ray.tracing.machine_paths import without_machine
from execground_ray.tracing.sandbox import CagedWorker
from execground_ray.tracing.trace_runner import TRACING_HASH_SEED, Failure, TraceRunner
from execground_ray.translators.template.translator import translate_rows

BATCH_ROWS = 8
LINE_NUMBER = re.compile(r"^ *\d+(?= \|)")


@dataclass(frozen=True)
class Task:
    """A problem and the pairs to try, in order."""

    number: int
    problem: Problem
    pairs: list[int]


IDENTITY = "def main_solution(n):\n    return n\n"
TRIVIAL = Task(0, Problem("", "", IDENTITY, "main_solution", (Pair({"n": 1}, 1),), "", "", {}), [0])


@dataclass
class Side:
    """What one way of tracing gave.

    Attributes:
        accepted: text of each accepted trace by (problem, pair).
        run_seconds: wall time of each run.
        cpu_seconds, wall_seconds: of everything, start and end included.
        peak_rss_mb: of the largest process.
    """

    accepted: dict[tuple[int, int], str] = field(default_factory=dict)
    run_seconds: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_rss_mb: int = 0

    def figures(self, problems: int) -> dict[str, Any]:
        """What is printed."""
        accepted = len({number for number, _ in self.accepted})
        ordered = sorted(self.run_seconds)
        return {
            "accepted_problems": accepted,
            "cpu_seconds": round(self.cpu_seconds, 3),
            "wall_seconds": round(self.wall_seconds, 3),
            "accepted_per_cpu_second": round(accepted / self.cpu_seconds, 4),
            "accepted_per_wall_second": round(accepted / self.wall_seconds, 4),
            "runs_per_problem": round(len(ordered) / problems, 2),
            "run_p50_ms": round(statistics.median(ordered) * 1000, 2),
            "run_p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))] * 1000, 2),
            "peak_rss_mb": self.peak_rss_mb,
        }


Way = Callable[[list[Task], Tracing, Side], None]


class TimedRunner(TraceRunner):
    """Notes how long each run takes, the way to the worker and back included; of runs in one process the average."""

    def __init__(self, tracing: Tracing, run_seconds: list[float]) -> None:
        """Append to ``run_seconds``."""
        super().__init__(tracing, caged=True)
        self._run_seconds = run_seconds

    def _run(self, worker: CagedWorker, request: dict[str, Any]) -> dict[str, Any] | Failure:
        started = time.perf_counter()
        result = super()._run(worker, request)
        runs = result.pairs if isinstance(result, Failure) else 1
        self._run_seconds += [(time.perf_counter() - started) / runs] * runs
        return result


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended, and of theirs."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def trace_as_reference(tasks: list[Task], tracing: Tracing, side: Side) -> None:
    """Trace every pair in an interpreter of its own."""
    for task in tasks:
        runs = trace_in_fresh_interpreters(task.problem, task.pairs, tracing.timeout_s, TRACING_HASH_SEED)
        for pair, seconds, text in runs:
            side.run_seconds.append(seconds)
            if is_accepted(text, tracing.max_lines):
                side.accepted[task.number, pair] = text.rstrip("\n")


def trace_as_we_do(tasks: list[Task], tracing: Tracing, side: Side) -> None:
    """Trace with warm caged workers until one pair is accepted."""
    with TimedRunner(tracing, side.run_seconds) as runner:
        for task in tasks:
            found = runner.trace_problem(task.problem, task.pairs)
            for execution in found if isinstance(found, list) else []:
                side.accepted[task.number, execution.pair] = execution.trace


def measure(way: Way, tasks: list[Task], tracing: Tracing) -> Side:
    """Run one way in a process of its own, so that its CPU time and memory are its alone."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure_here, (way, tasks, tracing))


def _measure_here(way: Way, tasks: list[Task], tracing: Tracing) -> Side:
    side = Side()
    cpu, wall = cpu_seconds(), time.perf_counter()
    way(tasks, tracing, side)
    side.cpu_seconds, side.wall_seconds = cpu_seconds() - cpu, time.perf_counter() - wall
    side.peak_rss_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return side


def comparable(trace: str) -> list[str]:
    """Lines without what may differ: their numbers, addresses, space at the end."""
    return [LINE_NUMBER.sub("#", without_machine(line)).rstrip() for line in trace.split("\n")]


def compare(config: Config) -> dict[str, Any]:
    """Trace the same problems in both ways."""
    tasks = list(_tasks(config))
    start = measure(trace_as_we_do, [TRIVIAL], config.tracing)
    ours = measure(trace_as_we_do, tasks, config.tracing)
    baseline = measure(trace_as_reference, tasks, config.tracing)
    both = sorted(ours.accepted.keys() & baseline.accepted.keys())
    different = [key for key in both if comparable(ours.accepted[key]) != comparable(baseline.accepted[key])]
    theirs, mine = baseline.figures(len(tasks)), ours.figures(len(tasks))
    keys = {kind: f"accepted_per_{kind}_second" for kind in ("cpu", "wall")}
    return {
        "problems": len(tasks),
        "baseline": theirs,
        "ours": mine | {"start_cpu_seconds": round(start.cpu_seconds, 3)},
        **{f"ratio_per_{kind}_second": round(mine[key] / theirs[key], 1) for kind, key in keys.items() if theirs[key]},
        "traces_compared": len(both),
        "traces_equal": not different,
        "traces_different": different,
    }


def compare_job(config: Config, arguments: list[str]) -> dict[str, Any]:
    """Run the whole job, then its stages, from reading to export, as a bare loop in one process."""
    fixed_seconds, _ = _timed_job([*arguments, "source.limit=1"])
    wall_seconds, summary = _timed_job(arguments)
    at_start = cpu_seconds()
    stage = TraceExecution(config.tracing, True, config.seed, config.sampling.examples_per_problem)
    traced = [stage(filter_rows(table)) for table in _tables(config)]
    stage._runner.close()
    after_tracing = cpu_seconds()
    judging = config.verification, config.tracing, config.sandbox.kind == "sandlock"
    for table in traced:
        verified = verify_rows(translate_rows(table), *judging)
        export_rows(verified, config.export)
    verifier_for(*judging).close()  # what it has used counts when it has ended
    rows = [row for table in traced for row in table.to_pylist()]
    stages, cores = cpu_seconds() - at_start, len(os.sched_getaffinity(0))
    return {
        "problems": len(rows),
        "traced": sum(row["pair"] >= 0 for row in rows),
        "cores": cores,
        "bare_cpu_seconds": round(stages, 2),
        "bare_cpu_seconds_to_trace": round(after_tracing - at_start, 2),
        "command_wall_seconds": round(wall_seconds, 2),
        "job_wall_seconds": round(summary["seconds"], 2),
        "fixed_wall_seconds": round(fixed_seconds, 2),
        "efficiency": round(stages / (wall_seconds * cores), 3),
        "efficiency_after_start": round(stages / ((wall_seconds - fixed_seconds) * cores), 3),
    }


def _timed_job(arguments: list[str]) -> tuple[float, dict[str, Any]]:
    """Run a job; return the wall time of its command and its summary."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ray_jobs.build_dataset", *arguments, f"output.dir={folder}/out"]
        started = time.perf_counter()
        subprocess.run(command, stdout=sys.stderr, check=True)
        return time.perf_counter() - started, json.loads(Path(folder, "out", "summary.json").read_text("utf-8"))


def soak(config: Config, runs: int) -> dict[str, Any]:
    """Trace the problems over and over in workers that are not replaced; then look at what is left."""
    tasks = list(_tasks(config))
    tracing = replace(config.tracing, worker_runs=10**9)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        run_seconds: list[float] = []
        processes, descriptors = _descendants(os.getpid()), _descriptors(os.getpid())
        started = time.perf_counter()
        with TimedRunner(tracing, run_seconds) as runner:
            for problem in (TRIVIAL.problem, replace(TRIVIAL.problem, refcode=f"# numpy\n{TRIVIAL.problem.refcode}")):
                runner.trace_problem(problem, TRIVIAL.pairs)  # either starts two workers
            workers = runner.worker_pids
            at_start = [(_rss_mb(pid), _descriptors(pid)) for pid in workers]
            half_way: list[float] = []
            for task in cycle(tasks):
                if len(run_seconds) >= runs:
                    break
                if len(run_seconds) >= runs / 2:
                    half_way = half_way or [_rss_mb(pid) for pid in workers]
                runner.trace_problem(task.problem, task.pairs)
            workers_at_end = runner.worker_pids
            at_end = [(_rss_mb(pid), _descriptors(pid)) for pid in workers_at_end]
            running = _descendants(os.getpid())
        files = len(list(Path(folder).iterdir()))
    return {
        "runs": len(run_seconds),
        "wall_seconds": round(time.perf_counter() - started, 1),
        "workers_replaced": len(set(workers) - set(workers_at_end)),
        "worker_rss_mb_start": [rss for rss, _ in at_start],
        "worker_rss_mb_half_way": half_way,
        "worker_rss_mb_end": [rss for rss, _ in at_end],
        "leaked_worker_descriptors": sum(end - start for (_, start), (_, end) in zip(at_start, at_end, strict=True)),
        "leaked_processes_while_running": len(running) - len(processes) - len(workers),
        "leaked_processes": len(_descendants(os.getpid())) - len(processes),
        "leaked_descriptors": _descriptors(os.getpid()) - descriptors,
        "leaked_files": files,
    }


def _tables(config: Config) -> Iterator[pa.Table]:
    """The problems of the source in the order and the batches of a single reader."""
    for plan in survey_corpus(open_source(config), config.source.limit, config.seed):
        rows = list(read_rows(plan))
        for first in range(0, len(rows), BATCH_ROWS):
            yield pa.Table.from_pylist(rows[first : first + BATCH_ROWS], schema_after(Stage.READ))


def _tasks(config: Config) -> Iterator[Task]:
    """The problems that the prefilter lets pass, each with its pairs in the order in which the job tries them."""
    rows = (row for table in _tables(config) for row in filter_rows(table).to_pylist())
    for number, row in enumerate(rows):
        if not row["reason"]:
            order = pair_order(row["id"], json.loads(row["pairs"]), config.seed)
            yield Task(number, Problem.from_json(row["problem"]), order[: config.tracing.pairs_per_problem])


def _descendants(pid: int) -> set[int]:
    """Every process below one, dead ones that nobody has waited for included."""
    children = {
        int(child) for listing in Path(f"/proc/{pid}/task").glob("*/children") for child in listing.read_text().split()
    }
    return children.union(*map(_descendants, children))


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def main() -> None:
    """Read the command line, run one mode, print its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracing", description=__doc__.split("\n")[0])
    parser.add_argument("--source", help="a JSONL file of problems; without it, the bundled sample")
    parser.add_argument("--limit", type=int, help="use the first so many problems")
    parser.add_argument("--mode", choices=("compare", "job", "soak"), default="compare")
    parser.add_argument("--runs", type=int, default=10_000, help="of --mode soak")
    given = parser.parse_args()
    source = ["source=jsonl", f"source.path={Path(given.source).resolve()}"] if given.source else ["source=sample"]
    arguments = source + ([f"source.limit={given.limit}"] if given.limit else [])
    config = load(arguments if given.mode == "job" else [*arguments, "experiment=paper"])
    modes: dict[str, Callable[[], dict[str, Any]]] = {
        "compare": lambda: compare(config),
        "job": lambda: compare_job(config, arguments),
        "soak": lambda: soak(config, given.runs),
    }
    figures = modes[given.mode]()
    print(json.dumps({"benchmark": f"tracing {given.mode}", "source": given.source or "sample"} | figures))


if __name__ == "__main__":
    main()
