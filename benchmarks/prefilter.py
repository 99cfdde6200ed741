"""What near duplicates and leaks cost, and how exactly they are found: ``python -m benchmarks.prefilter --source …``.

Measured on the problems of the source: the survey with and without signatures, and the look for leaks of ``--listed``.
At the scale of ``--programs``: signatures made of those of the source, each with so many of its hashes changed that
the copy is as alike as chance has it. The last line is JSON; the baseline is the survey without near duplicates.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from execground_ray.config.loading import load
from execground_ray.corpus.contamination import read_benchmarks
from execground_ray.corpus.near_duplicates import find_near, signature
from execground_ray.corpus.survey import SurveyOptions, survey_corpus
from execground_ray.output.record_split import open_source
from execground_ray.records import Problem
from execground_ray.stages.read_problems import read_rows

SIMILARITY = 0.7


def main() -> None:
    """Run the command line and print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prefilter", description=__doc__)
    parser.add_argument("--source", help="file of problems (the bundled sample)")
    parser.add_argument("--listed", default=[], nargs="*", help="files for prefilter.decontaminate (the source itself)")
    parser.add_argument("--programs", type=int, default=370_000, help="of the corpus that is made (370,000)")
    arguments = parser.parse_args()
    splits = open_source(load(["source=jsonl", f"source.path={arguments.source}"] if arguments.source else []))
    plain_seconds, plans = measured(lambda: survey_corpus(splits, None, 0))
    near = SurveyOptions(near_duplicates=SIMILARITY)
    near_seconds, near_plans = measured(lambda: survey_corpus(splits, None, 0, options=near))
    rows = [row for plan in plans for row in read_rows(plan) if row["problem"]]
    problems = [Problem.from_json(row["problem"]) for row in rows]
    listed = arguments.listed or [splits[0].name if arguments.source else str(splits[0].path)]  # type: ignore[union-attr]
    read_seconds, benchmarks = measured(lambda: read_benchmarks(listed))
    assert benchmarks is not None
    leak_seconds, leaks = measured(lambda: [benchmarks.leak_in(problem) for problem in problems])
    arrays = [getattr(index, name) for index in (benchmarks.text, benchmarks.code) for name in vars(index)]
    result = {
        "benchmark": "prefilter",
        "problems": len(problems),
        "survey_ms_per_problem": 1000 * plain_seconds / len(problems),
        "survey_with_signatures_ms_per_problem": 1000 * near_seconds / len(problems),
        "near_duplicates": sum(int((plan.duplicates["similarity"] > 0).sum()) for plan in near_plans),
        "listed_read_seconds": read_seconds,
        "listed_mb": sum(array.nbytes for array in arrays) / 2**20,
        "leaks_ms_per_problem": 1000 * leak_seconds / len(problems),
        "leaks": len(problems) - leaks.count(None),
        **at_scale(np.array([signature(problem.refcode, 0) for problem in problems]), arguments.programs),
    }
    print(json.dumps({name: round(value, 3) if isinstance(value, float) else value for name, value in result.items()}))


def at_scale(signatures: np.ndarray[Any, Any], programs: int) -> dict[str, float]:
    """Find the near duplicates of so many programs."""
    chance = np.random.default_rng(0)
    drawn = signatures[chance.integers(0, len(signatures), programs)]
    changed = chance.random(drawn.shape) < chance.random((programs, 1))
    drawn[changed] = chance.integers(0, 256, np.count_nonzero(changed), np.uint8)
    del changed
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = memory_mb("VmHWM")
    seconds, (kept, _) = measured(lambda: find_near(drawn, np.arange(programs), SIMILARITY))
    return {
        "made_programs": programs,
        "made_signatures_mb": drawn.nbytes / 2**20,
        "made_find_cpu_seconds": seconds,
        "made_find_further_peak_mb": memory_mb("VmHWM") - before,
        "made_going": int((kept >= 0).sum()),
    }


def memory_mb(name: str) -> float:
    """Return what the kernel calls so of this process."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) / 1024


def measured(function: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds that a function takes, and what it returns."""
    began = time.process_time()
    result = function()
    return time.process_time() - began, result


if __name__ == "__main__":
    main()
