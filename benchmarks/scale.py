"""Whether cost grows in a straight line: the same job on a corpus that grows tenfold twice.

``python -m benchmarks.scale --problems 120`` makes problems by rule, each another small program, and builds a dataset
of 120, 1,200 and 12,000 of them, each in a job of its own on one Ray that this benchmark started. Then it builds one
corpus, that of ``--source`` or else the middle one, with one tracing worker on one core, and with two on two, each
after a tenth of it. With ``--pairs 0`` nothing is traced, so that in minutes as many problems go through the driver as
the full corpus has. Prints one JSON line; for each job:

- ``rows_per_second``: rows by seconds, of both what is more than in the size before: so the start of the job, the
  filling of the stream and its end do not count;
- ``driver_mib``: the most memory that the job's own process ever had resident; ``driver_mib_by_time``: the
  same at each tenth of the job's time, so that a growth without end can be told from a start;
- ``object_store_mib``: the most that the blocks between the stages took; ``spilled_mib``: what of it went to disk;
- ``first_shard_seconds``: from the start of the command.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import ray

from execground_ray.cluster import IDLE_WORKER_MS
from execground_ray.private.ray import memory_summary, start_settings

STEP_SECONDS = 0.5
PLASMA = re.compile(r"Plasma memory usage (\d+) MiB")
SPILLED = re.compile(r"Spilled (\d+) MiB")
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=120, help="of the smallest size")
    parser.add_argument("--source", type=Path, help="JSON Lines for one worker and two; default: the middle size")
    parser.add_argument("--pairs", type=int, default=6, help="of each problem; without any it is rejected untraced")
    options = parser.parse_args()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, **start_settings(IDLE_WORKER_MS))
    address = ray.get_runtime_context().gcs_address
    with tempfile.TemporaryDirectory() as folder:
        corpora = [grow(Path(folder), options.problems * 10**power, options.pairs) for power in range(3)]
        build(corpora[0], Path(folder, "warm"), address)  # fills the caches of files
        sizes = [build(corpus, corpus.with_suffix(""), address) for corpus in corpora]
        ray.shutdown()
        source = options.source or corpora[-2]
        few = source.read_bytes().count(b"\n") // 10
        workers = []
        for count in (1, 2):
            workers.append(build(source, Path(folder, f"few-{count}"), None, count, few))
            workers.append(build(source, Path(folder, f"all-{count}"), None, count))
    for smaller, larger in (*pairwise(sizes), workers[:2], workers[2:]):
        more = larger["problems"] - smaller["problems"]
        larger["rows_per_second"] = round(more / (larger["seconds"] - smaller["seconds"]), 1)
    print(
        json.dumps(
            {
                "benchmark": "scale",
                "sizes": sizes,
                "driver_growth": round(sizes[-1]["driver_mib"] / sizes[0]["driver_mib"], 3),
                "rate_of_largest_to_middle": round(sizes[-1]["rows_per_second"] / sizes[-2]["rows_per_second"], 3),
                "workers": workers,
                "two_workers_to_one": round(workers[3]["rows_per_second"] / workers[1]["rows_per_second"], 3),
            }
        )
    )


def grow(folder: Path, size: int, pairs: int) -> Path:
    """Make a corpus of so many problems."""
    corpus = folder / f"{size}.jsonl"
    with corpus.open("w") as file:
        file.writelines(problem(number, pairs) + "\n" for number in range(size))
    return corpus


def problem(number: int, pairs: int) -> str:
    """Return a problem that no other number gives: a loop whose length and arithmetic follow from it."""
    code = (
        "def main_solution(n):\n    total = 0\n"
        f"    for step in range(n + {number % 7}):\n        total += step * {number % 11 + 1}\n"
        f"    return total + {number}\n"
    )

    def result(n: int) -> int:
        return sum(step * (number % 11 + 1) for step in range(n + number % 7)) + number

    return json.dumps(
        {
            "problem_description": f"Sum up the steps of number {number}.",
            "io_requirements": "n (int)",
            "refcode": code,
            "funcname": "main_solution",
            "ios": [{"input": {"n": n}, "output": result(n)} for n in range(2, 2 + pairs)],
            "source": "synthetic",
            "category": "",
            "meta": {},
        }
    )


def build(corpus: Path, output: Path, address: str | None, workers: int = 2, limit: int = 0) -> dict[str, Any]:
    """Build a dataset, on the Ray at ``address`` or on one of its own with a core per worker; return the figures.

    Raises:
        RuntimeError: the job failed; its words are in the message.
    """
    command = ["taskset", "--cpu-list", f"0-{workers - 1}", sys.executable, "-m", "ray_jobs.build_dataset"]
    command += ["source=jsonl", f"source.path={corpus}", f"output.dir={output}", f"tracing.workers={workers}"]
    command += [f"cluster.address={address}" if address else "cluster.num_cpus=2"]
    command += [f"source.limit={limit}"] if limit else []
    began = time.monotonic()
    resident: list[int] = []
    plasma = spilled = 0
    first: float | None = None
    with Path(f"{output}.log").open("w") as log:
        job = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        while job.poll() is None:
            time.sleep(STEP_SECONDS)
            if first is None and output.joinpath("train").exists():
                first = time.monotonic() - began
            resident += map(int, PEAK.findall(status(job.pid)))
            if address:
                told = memory_summary(address, stats_only=True)
                plasma = max(plasma, *map(int, PLASMA.findall(told) or [0]))
                spilled = max(spilled, *map(int, SPILLED.findall(told) or [0]))
    if job.returncode:
        raise RuntimeError(Path(f"{output}.log").read_text())
    summary = json.loads((output / "summary.json").read_text())
    figures = {
        "problems": summary["problems_read"],
        "workers": workers,
        "seconds": summary["seconds"],
        "driver_mib": round(resident[-1] / 1024),
        "driver_mib_by_time": [round(resident[len(resident) * tenth // 10] / 1024) for tenth in range(10)],
        "first_shard_seconds": round(first or 0.0, 1),
    }
    return figures | ({"object_store_mib": plasma, "spilled_mib": spilled} if address else {})


def status(pid: int) -> str:
    """Return what the kernel says of a process; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
