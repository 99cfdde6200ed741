"""How good the verification is: what it rejects for nothing, what it lets through, and what it costs.

``python -m benchmarks.verification --translations FILE`` reads JSON Lines with ``prompt``, ``problem``, ``input``,
``output``, ``trace``, ``text`` and ``corrupted``, a list of ``{"kind", "text"}`` with one mistake each, runs every
program once more for its evidence, and prints one JSON line last. By prompt: texts; false rejects; mistakes caught by
kind, of texts that were accepted only, as the mistakes in others are caught for nothing; coverage; how much is
supported and unknown; runs without evidence; CPU seconds per text.

``--show`` prints what was found in correct texts that are rejected and, with ``--missed``, the mistakes that are not.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from statistics import mean, median
from typing import Any

from execground_ray.config.loading import load
from execground_ray.records import Problem
from execground_ray.tracing.evidence import NoEvidence
from execground_ray.tracing.evidence_runner import EvidenceRunner
from execground_ray.verification import Execution, Verdict, judge, verify
from execground_ray.verification.watched import watches_of

CONFIG = load()


@dataclass
class Tally:
    """Counts over the texts of one prompt."""

    verdicts: list[Verdict] = field(default_factory=list)
    false_rejects: list[str] = field(default_factory=list)
    mistakes: Counter[str] = field(default_factory=Counter)
    caught: Counter[str] = field(default_factory=Counter)
    no_evidence: int = 0
    cpu_seconds: float = 0.0
    judged: int = 0

    def summary(self) -> dict[str, Any]:
        """The counts and shares as plain data."""
        checks = [(each.supported, each.unknown, each.contradicted) for each in self.verdicts]
        total = sum(map(sum, checks)) or 1
        covered = [each.coverage for each in self.verdicts if each.attributed]
        mistakes = self.mistakes.total()
        return {
            "texts": len(self.verdicts),
            "attributed": len(covered),
            "false_rejects": len(self.false_rejects),
            "mistakes": mistakes,
            "caught": self.caught.total(),
            "caught_share": round(self.caught.total() / mistakes, 4) if mistakes else None,
            "by_kind": {kind: f"{self.caught[kind]}/{self.mistakes[kind]}" for kind in sorted(self.mistakes)},
            "coverage_median": round(median(covered), 4) if covered else None,
            "coverage_mean": round(mean(covered), 4) if covered else None,
            "supported": round(sum(supported for supported, _, _ in checks) / total, 4),
            "unknown": round(sum(unknown for _, unknown, _ in checks) / total, 4),
            "no_evidence": self.no_evidence,
            "cpu_seconds_per_text": round(self.cpu_seconds / max(1, self.judged), 4),
        }

    def judge(self, text: str, execution: Execution) -> tuple[Verdict, tuple[Any, str] | None]:
        """Judge one text and take the time."""
        begin = time.process_time()
        verdict = verify(text, execution)
        self.cpu_seconds += time.process_time() - begin
        self.judged += 1
        return verdict, judge(verdict, CONFIG.verification)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def execution_of(row: dict[str, Any], text: str, runner: EvidenceRunner) -> Execution:
    """What is known of the run that a text tells of; the program runs once more for it."""
    problem = Problem.from_json(json.dumps(row["problem"]))
    watches = watches_of(text, problem.refcode)
    found = runner.run(problem, row["input"], row["trace"], json.dumps(row["output"]), watches)
    evidence = None if isinstance(found, NoEvidence) else found
    return Execution(problem.question, problem.refcode, row["output"], row["trace"], evidence)


def measure(rows: Iterable[dict[str, Any]], runner: EvidenceRunner, *, show: bool, missed: bool) -> dict[str, Any]:
    """Judge every text and every mistaken version of those that are accepted."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for row in rows:
        tally = tallies[row["prompt"]]
        verdict, reason = tally.judge(row["text"], execution_of(row, row["text"], runner))
        tally.verdicts.append(verdict)
        tally.no_evidence += not verdict.evidence
        if reason is not None:
            tally.false_rejects.append(row["id"])
            if show:
                print(f"REJECTED {row['prompt']} {row['id']} {reason[0]}: {reason[1]}")
            continue
        for version in row["corrupted"]:
            caught = tally.judge(version["text"], execution_of(row, version["text"], runner))[1]
            tally.mistakes[version["kind"]] += 1
            tally.caught[version["kind"]] += caught is not None
            if missed and caught is None:
                print(
                    f"MISSED {row['prompt']} {row['id']} {version['kind']}: {difference(row['text'], version['text'])}"
                )
    return {prompt: tally.summary() for prompt, tally in sorted(tallies.items())}


def difference(right: str, wrong: str) -> str:
    """Where two texts differ."""
    blocks = SequenceMatcher(None, right, wrong, autojunk=False).get_opcodes()
    changed = [block for block in blocks if block[0] != "equal"]
    first, last = changed[0], changed[-1]
    begin = max(0, first[1] - 90)
    return f"{right[begin : last[2] + 40]!r} -> {wrong[max(0, first[3] - 20) : last[4] + 20]!r}"


def main() -> None:
    """Run the benchmark and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--translations", type=Path, required=True, help="JSON Lines of texts with mistakes")
    parser.add_argument("--show", action="store_true", help="print the correct texts that are rejected, and why")
    parser.add_argument("--missed", action="store_true", help="print the mistakes that are not found")
    parser.add_argument("--prompt", help="texts of this prompt only")
    parser.add_argument("--part", help="every second text only: even or odd", choices=("even", "odd"))
    options = parser.parse_args()
    rows = [row for row in read_rows(options.translations) if options.prompt in (None, row["prompt"])]
    if options.part:
        rows = rows[options.part == "odd" :: 2]
    with EvidenceRunner(CONFIG.tracing, caged=CONFIG.sandbox.kind != "none") as runner:
        report = measure(rows, runner, show=options.show, missed=options.missed)
    print(json.dumps({"benchmark": "verification"} | report))


if __name__ == "__main__":
    main()
