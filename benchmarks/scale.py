"""Whether cost grows in a straight line: the same job on a corpus that grows tenfold twice.

``python -m benchmarks.scale --problems 120`` makes problems by rule, each another small program, and builds a dataset
of 120, 1,200 and 12,000 of them, each in a job of its own on one Ray that this benchmark started. Then it builds the
middle corpus with one tracing worker, and with two. Prints one JSON line; for each size:

- ``rows_per_second``: rows by the seconds from the first shard to the last, without the start of the job;
- ``driver_mib``: the most memory that the job's own process ever had resident;
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
from pathlib import Path
from typing import Any

import ray
from ray._private.internal_api import memory_summary

STEP_SECONDS = 0.5
PLASMA = re.compile(r"Plasma memory usage (\d+) MiB")
SPILLED = re.compile(r"Spilled (\d+) MiB")
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=120, help="of the smallest size")
    parser.add_argument("--sizes", type=int, default=3, help="how often it is multiplied by ten, plus one")
    parser.add_argument("--cpus", type=int, default=2)
    options = parser.parse_args()
    ray.init(num_cpus=options.cpus, include_dashboard=False, log_to_driver=False)
    address = ray.get_runtime_context().gcs_address
    with tempfile.TemporaryDirectory() as folder:
        sizes = [options.problems * 10**power for power in range(options.sizes)]
        for size in sizes:
            with Path(folder, f"{size}.jsonl").open("w") as file:
                file.writelines(problem(number) + "\n" for number in range(size))
        build(folder, sizes[0], address, "warm", options.cpus)  # fills the caches of files
        found = [build(folder, size, address, "size", options.cpus) for size in sizes]
        workers = [build(folder, sizes[-2], address, "workers", count) for count in (1, 2)]
    ray.shutdown()
    print(
        json.dumps(
            {
                "benchmark": "scale",
                "cpus": options.cpus,
                "sizes": found,
                "driver_growth": round(found[-1]["driver_mib"] / found[0]["driver_mib"], 3),
                "rate_of_largest_to_middle": round(found[-1]["rows_per_second"] / found[-2]["rows_per_second"], 3),
                "two_workers_to_one": round(workers[1]["rows_per_second"] / workers[0]["rows_per_second"], 3),
            }
        )
    )


def problem(number: int) -> str:
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
            "ios": [{"input": {"n": n}, "output": result(n)} for n in range(2, 8)],
            "source": "synthetic",
            "category": "",
            "meta": {},
        }
    )


def build(folder: str, size: int, address: str, name: str, workers: int) -> dict[str, Any]:
    """Build one dataset and return its figures.

    Raises:
        RuntimeError: the job failed; its words are in the message.
    """
    output = Path(folder, f"{name}-{size}-{workers}")
    overrides = [
        "source=jsonl",
        f"source.path={folder}/{size}.jsonl",
        f"output.dir={output}",
        f"cluster.address={address}",
        f"tracing.workers={workers}",
        "export.rows_per_shard=100",
    ]
    began = time.monotonic()
    peak_kib = plasma = spilled = 0
    first: float | None = None
    with Path(f"{output}.log").open("w") as log:
        job = subprocess.Popen(
            [sys.executable, "-m", "ray_jobs.build_dataset", *overrides], stdout=log, stderr=subprocess.STDOUT
        )
        while job.poll() is None:
            time.sleep(STEP_SECONDS)
            if first is None and output.joinpath("train").exists():
                first = time.monotonic() - began
            peak_kib = max(peak_kib, *map(int, PEAK.findall(status(job.pid)) or [0]))
            told = memory_summary(address, stats_only=True)
            plasma = max(plasma, *map(int, PLASMA.findall(told) or [0]))
            spilled = max(spilled, *map(int, SPILLED.findall(told) or [0]))
    if job.returncode:
        raise RuntimeError(Path(f"{output}.log").read_text())
    summary = json.loads((output / "summary.json").read_text())
    shards = sorted(path.stat().st_mtime for path in output.glob("[tr]*/*.jsonl"))
    rows = summary["problems_read"] - 100 if len(shards) > 2 else summary["problems_read"]
    streamed = shards[-1] - shards[0] if len(shards) > 2 else summary["seconds"]
    return {
        "problems": size,
        "workers": workers,
        "rows_per_second": round(rows / streamed, 1),
        "seconds": summary["seconds"],
        "driver_mib": round(peak_kib / 1024),
        "object_store_mib": plasma,
        "spilled_mib": spilled,
        "first_shard_seconds": round(first or 0.0, 1),
    }


def status(pid: int) -> str:
    """Return what the kernel says of a process; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
