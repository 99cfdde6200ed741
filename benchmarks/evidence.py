"""How many executions have evidence, and what it costs: ``python -m benchmarks.evidence --records OUT/records``.

Runs every traced row of a finished output once more, instrumented, in the cage, and prints one JSON line: the share of
rows with evidence, why others have none, milliseconds of a run in the cage (fork included; CPU and wall) and of all
that is done to have it (the instrumenting and the reading included), and the bytes of its JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyarrow import parquet

from execground_ray.config.loading import load
from execground_ray.records import Problem
from execground_ray.tracing.evidence import NoEvidence
from execground_ray.tracing.evidence_runner import EvidenceRunner, RunCosts


@dataclass
class Costs:
    """What runs have cost, one number each."""

    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    all_ms: list[float] = field(default_factory=list)
    json_bytes: list[float] = field(default_factory=list)

    def add(self, run: RunCosts, seconds: float) -> None:
        """Add one run that gave evidence, and how long it took to have it."""
        self.cpu_ms.append(1000 * run.cpu_seconds)
        self.wall_ms.append(1000 * run.wall_seconds)
        self.all_ms.append(1000 * seconds)
        self.json_bytes.append(run.json_bytes)

    def figures(self) -> dict[str, dict[str, float]]:
        """Median, 95th percentile and maximum of each."""
        return {name: _spread(values) for name, values in vars(self).items()}


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    p95 = ordered[int(0.95 * len(ordered))]
    return {"median": round(statistics.median(ordered), 1), "p95": round(p95, 1), "max": round(ordered[-1], 1)}


def measure(rows: list[dict[str, Any]], overrides: list[str]) -> dict[str, Any]:
    """Ask for the evidence of every row."""
    outcomes: Counter[str] = Counter()
    costs = Costs()
    config = load(overrides)
    with EvidenceRunner(config.tracing, caged=config.sandbox.kind != "none") as runner:
        for row in rows:
            problem = Problem.from_json(row["problem"])
            started = time.perf_counter()
            found = runner.evidence(problem, json.loads(row["input"]), row["trace"], row["output"])
            if isinstance(found, NoEvidence):
                outcomes[found.reason] += 1
                print(row["id"], found.reason, found.detail, flush=True)
                continue
            outcomes["complete" if found.complete else "incomplete"] += 1
            costs.add(runner.last_run, time.perf_counter() - started)
    with_evidence = outcomes["complete"] + outcomes["incomplete"]
    return {"rows": len(rows), "with_evidence": round(with_evidence / len(rows), 4), **outcomes, **costs.figures()}


def main() -> None:
    """Read the arguments and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, required=True, help="the folder records/ of an output")
    parser.add_argument("overrides", nargs="*", help="settings that the output was made with, as for the job")
    given = parser.parse_args()
    tables = [parquet.read_table(path) for path in sorted(given.records.glob("*.parquet"))]
    rows = [row for table in tables for row in table.to_pylist() if row["trace"]]
    print(json.dumps(measure(rows, given.overrides)))


if __name__ == "__main__":
    main()
