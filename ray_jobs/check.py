"""Proves a finished output from its files: ``python -m ray_jobs.check <output.dir>``.

The form of every shard, unique ids, the counts of ``summary.json``, every row verified again from what ``records/``
knows of it, and a random sample of the programs executed again in the sandbox. Exit codes: 0 all is proved, with one
line of figures; 1 something is wrong, with the first problems found; 2 the path is no finished output of this job, or
programs cannot be caged here.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import as_of_now, check
from execground_ray.config.schema import Config
from execground_ray.output.layout import SUMMARY
from execground_ray.output.shards import read_records, write_names
from execground_ray.output.storage import Folder
from execground_ray.python.values import read_json
from execground_ray.records import Problem
from execground_ray.report.proof import WriteProof, dataset_faults, foreign_entries, prove_write
from execground_ray.tracing.machine_paths import without_machine
from execground_ray.tracing.sandbox import SandboxUnavailableError
from execground_ray.tracing.trace_runner import Failure, TraceRunner

PROVED, WRONG, REFUSED = 0, 1, 2
MOST_PROBLEMS = 20


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ray_jobs.check", description=__doc__)
    parser.add_argument("output", help="folder or URI of a finished dataset")
    parser.add_argument("--sample", type=int, default=20, help="rows to execute again (20); 0 for none")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that verify (one per CPU)")
    parser.add_argument("--sandbox", choices=("sandlock", "none"), default="sandlock", help="cage of what is executed")
    options = parser.parse_args()
    started = time.monotonic()
    folder = Folder.at(options.output)
    if not folder.exists(SUMMARY):
        return _say(f"error: {options.output} holds no {SUMMARY}, so it is no finished output", REFUSED)
    try:
        summary = json.loads(folder.read_text(SUMMARY))
        config = check(as_of_now(summary["config"]))
    except (ValueError, TypeError, KeyError, ConfigError) as error:
        return _say(f"error: {options.output}/{SUMMARY} is none of this version: {error!r}", REFUSED)
    proofs = prove(folder, config, options.workers, caged=options.sandbox == "sandlock")
    problems = [*foreign_entries(folder), *(problem for proof in proofs for problem in proof.problems)]
    try:
        problems += dataset_faults(folder, summary, proofs)
    except (ValueError, LookupError, TypeError) as error:  # rows that cannot be read are named above
        problems.append(f"{SUMMARY}: cannot be held against the shards: {error!r}")
    if not problems and options.sample:
        try:
            with TraceRunner(config.tracing, caged=options.sandbox == "sandlock") as runner:
                rows = draw(folder, proofs, options.sample, config.seed)
                problems += execution_faults(runner, rows, same_python(summary["python"]))
        except SandboxUnavailableError as error:
            return _say(f"error: nothing can be executed here: {error}; --sample 0 leaves it out", REFUSED)
    if problems:
        print("\n".join(first_lines(problems)))
        return WRONG
    print(figures(proofs, options.sample, time.monotonic() - started))
    return PROVED


def prove(folder: Folder, config: Config, workers: int, *, caged: bool) -> list[WriteProof]:
    """Prove all writes, several at a time where there are several."""
    writes = write_names(folder)
    one = partial(prove_write, folder, config, caged)
    if min(workers, len(writes)) < 2:
        return list(map(one, writes))
    with ProcessPoolExecutor(min(workers, len(writes)), multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(one, writes))


def draw(folder: Folder, proofs: Iterable[WriteProof], wanted: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield what is known of some examples, or rows that were only to be traced, drawn by ``seed``."""
    places = sorted((identity, proof.write) for proof in proofs for identity in (*proof.accepted, *proof.traced))
    drawn = random.Random(seed).sample(places, min(wanted, len(places)))  # noqa: S311  (chance, not secrecy)
    for write in sorted({write for _, write in drawn}):
        ids = {identity for identity, place in drawn if place == write}
        yield from (row for row in read_records(folder, write).to_pylist() if row["id"] in ids)


def same_python(name: str) -> bool:
    """Whether traces of the Python of this name look like ours: they change with its minor version."""
    return (
        name.rpartition(".")[0] == f"{platform.python_implementation()} {platform.python_version()}".rpartition(".")[0]
    )


def execution_faults(runner: TraceRunner, rows: Iterable[dict[str, Any]], with_traces: bool) -> Iterator[str]:
    """Execute rows again and yield what comes out otherwise."""
    for row in rows:
        smaller = read_json(row["input"]) if row.get("derived_input") else None
        found = runner.trace_pair(Problem.from_json(row["problem"]), row["pair"], smaller)
        if isinstance(found, Failure):
            yield f"{row['id']}: executed again: {found.reason}: {found.detail}"
        elif found.output != row["output"]:
            yield f"{row['id']}: executed again, it returns another value"
        elif with_traces and without_machine(found.trace) != without_machine(row["trace"]):
            yield f"{row['id']}: executed again, it leaves another trace"


def first_lines(problems: list[str]) -> list[str]:
    """Return the problems, one line each, and of many the first and how many more there are."""
    lines = [problem.replace("\n", "\\n") for problem in problems]
    if len(lines) <= MOST_PROBLEMS:
        return lines
    return [*lines[: MOST_PROBLEMS - 1], f"… and {len(lines) - MOST_PROBLEMS + 1:,} more"]


def figures(proofs: Iterable[WriteProof], sample: int, seconds: float) -> str:
    """Return the line that says what was proved."""
    accepted, rejected, traced = (
        sum(len(getattr(proof, kind)) for proof in proofs) for kind in ("accepted", "rejected", "traced")
    )
    only_traced = f", {traced:,} to be translated" if traced else ""
    return (
        f"proved: {accepted:,} training rows and {rejected:,} rejected{only_traced} in {len(list(proofs)):,} writes, "
        f"{sum(proof.verified for proof in proofs):,} texts verified again, "
        f"{min(sample, accepted + traced)} traced again, in {seconds:.1f} s"
    )


def _say(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
