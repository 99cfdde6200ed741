"""How good the verification is: what it lets through, what it rejects for nothing, and how fast.

``python -m benchmarks.verification [--translations FILE] [--traces FILE]`` prints one JSON line last:

* ``translations``: texts in the manner of a model, from a JSON Lines file in which each row has ``refcode``, ``input``,
  ``output``, ``trace``, ``text`` and ``corrupted``, a list of ``{"kind", "text"}`` with one mistake each.
* ``mutations``: texts that the template wrote about the bundled sample, traced here, or about the rows of ``--traces``;
  each with one automatic mistake of each kind (see ``benchmarks.mutations``).
* ``baseline``, beside both: keep a text if the returned value occurs in it, whatever the case of its letters.
* ``speed``: texts per second of CPU time of the process that verifies and of the one that asks, as in the job. The
  texts are the template's, about every pair of the sample or the rows of ``--traces``, over and over: all of them, and
  those of 300 to 500 words, which are few enough for the caches of the process to remember.

Line numbers in the traces of a file may be those of a longer program around ``refcode``; they are put right first.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from benchmarks.mutations import MUTATIONS
from execground_ray.config.loading import load
from execground_ray.corpus.decoding import LineError
from execground_ray.corpus.parsing import parse_line
from execground_ray.records import Problem
from execground_ray.tracing.trace_runner import Failure, TraceRunner
from execground_ray.translators.template.writer import write_reasoning
from execground_ray.verification import Evidence, Verifier, judge, verify

SAMPLE = Path(__file__).resolve().parents[1] / "execground_ray" / "data" / "sample.jsonl"
DRAWS = 3  # mutations of each kind of each text
CONFIG = load()
_TRACED = re.compile(r"^( *)(\d+)( \| )(.*)$", re.MULTILINE)


@dataclass
class Tally:
    """Counts of one method over one set of texts."""

    texts: int = 0
    false_rejects: int = 0
    mistakes: Counter[str] = field(default_factory=Counter)
    caught: Counter[str] = field(default_factory=Counter)

    def summary(self) -> dict[str, Any]:
        """The counts and shares as plain data."""
        total, found = self.mistakes.total(), self.caught.total()
        return {
            "texts": self.texts,
            "false_rejects": self.false_rejects,
            "mistakes": total,
            "caught": found,
            "caught_share": round(found / total, 4) if total else None,
            "by_kind": {kind: f"{self.caught[kind]}/{self.mistakes[kind]}" for kind in sorted(self.mistakes)},
        }


@dataclass(frozen=True)
class Example:
    """One true text and its mistaken versions."""

    evidence: Evidence
    text: str
    mistaken: tuple[tuple[str, str], ...]


def rejects(text: str, evidence: Evidence) -> bool:
    """The verdict of this project."""
    return judge(verify(text, evidence), CONFIG.verification) is not None


def baseline_rejects(text: str, evidence: Evidence) -> bool:
    """The rule that others release: the value occurs somewhere."""
    return str(evidence.returned).lower() not in text.lower()


def compare(examples: Iterable[Example]) -> dict[str, Any]:
    """Tally both methods over the same texts."""
    tallies = {"verification": (rejects, Tally()), "baseline": (baseline_rejects, Tally())}
    for example in examples:
        for method, tally in tallies.values():
            tally.texts += 1
            tally.false_rejects += method(example.text, example.evidence)
            for kind, text in example.mistaken:
                tally.mistakes[kind] += 1
                tally.caught[kind] += method(text, example.evidence)
    return {name: tally.summary() for name, (_, tally) in tallies.items()}


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file, the lines of their traces numbered as in ``refcode``."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row | {"trace": align(row["trace"], row["refcode"])}


def align(trace: str, code: str) -> str:
    """Number the lines of ``trace`` as in ``code``, by what they say; of equal lines the one at the usual distance."""
    places: dict[str, list[int]] = {}
    for number, line in enumerate(code.split("\n"), 1):
        places.setdefault(line.strip(), []).append(number)
    sure = {
        int(found[2]): places[found[4].strip()][0]
        for found in _TRACED.finditer(trace)
        if len(places.get(found[4].strip(), ())) == 1
    }

    def renumber(found: re.Match[str]) -> str:
        number = int(found[2])
        candidates = places.get(found[4].strip(), [number])
        near = min(sure, key=lambda each: abs(each - number), default=number)
        wanted = number - near + sure.get(near, near)
        line = min(candidates, key=lambda each: abs(each - wanted))
        return f"{found[1]}{line}{found[3]}{found[4]}"

    return _TRACED.sub(renumber, trace)


def translations(path: Path) -> Iterator[Example]:
    """The examples of a file of texts with mistakes."""
    for row in read_rows(path):
        evidence = Evidence(row.get("question", ""), row["refcode"], row["input"], row["output"], row["trace"])
        yield Example(evidence, row["text"], tuple((each["kind"], each["text"]) for each in row["corrupted"]))


def write(evidence: Evidence) -> str:
    """What the template writes."""
    return write_reasoning(
        evidence.refcode, "main_solution", evidence.arguments, evidence.trace, json.dumps(evidence.returned)
    )


def mutated(evidences: Iterable[Evidence], seed: int) -> Iterator[Example]:
    """What the template writes, with mistakes."""
    for index, evidence in enumerate(evidences):
        text = write(evidence)
        mistaken = []
        for kind, mutation in MUTATIONS.items():
            versions = set()
            for draw in range(DRAWS):
                changed = mutation(text, evidence.returned, random.Random(f"{seed} {index} {kind} {draw}"))  # noqa: S311
                if changed is not None and changed != text:
                    versions.add(changed)
            mistaken += [(kind, changed) for changed in sorted(versions)]
        yield Example(evidence, text, tuple(mistaken))


def sample_evidence() -> Iterator[list[Evidence]]:
    """The pairs of each problem of the bundled sample that are accepted, traced in the sandbox."""
    with (
        TraceRunner(CONFIG.tracing, caged=CONFIG.sandbox.kind != "none") as runner,
        SAMPLE.open("rb") as lines,
    ):
        for line in lines:
            try:
                problem = Problem.from_json(json.dumps(parse_line(line)))
            except LineError:
                continue  # the sample has broken rows on purpose
            runs = [(pair.input, runner.trace_problem(problem, [place])) for place, pair in enumerate(problem.ios)]
            evidences = [
                Evidence(problem.question, problem.refcode, arguments, json.loads(found[0].output), found[0].trace)
                for arguments, found in runs
                if not isinstance(found, Failure)
            ]
            if evidences:
                yield evidences


def file_evidence(path: Path) -> Iterator[list[Evidence]]:
    """The traces of a file; rows whose trace returned another value than the one recorded are left out."""
    for row in read_rows(path):
        evidence = Evidence(row.get("question", ""), row["refcode"], row["input"], row["output"], row["trace"])
        if not _returned_other(evidence):
            yield [evidence]


def _returned_other(evidence: Evidence) -> bool:
    shown = evidence.trace.rstrip().rpartition(": ")[2]
    return "..." not in shown and isinstance(evidence.returned, int | list) and shown != repr(evidence.returned)


def speeds(evidences: list[Evidence], count: int) -> dict[str, Any]:
    """The speed of verifying all texts, and those of about 400 words."""
    texts = [(write(evidence), evidence) for evidence in evidences]
    middling = [(text, evidence) for text, evidence in texts if 300 <= len(text.split()) <= 500]
    return {"all": speed(texts, count), "of_300_to_500_words": speed(middling, count)}


def speed(texts: list[tuple[str, Evidence]], count: int) -> dict[str, Any]:
    """Texts per second of CPU time of ``count`` texts."""
    begin, words = _cpu_seconds(), 0
    verifier = Verifier(CONFIG.verification)
    for text, evidence in islice(cycle(texts), count):
        verifier.verify(text, evidence)
        words += len(text.split())
    verifier.close()
    taken = _cpu_seconds() - begin
    return {
        "texts": count,
        "different_texts": len(texts),
        "mean_words": round(words / count, 1),
        "texts_per_second_per_core": round(count / taken, 1),
        "texts_of_400_words_per_second_per_core": round(words / 400 / taken, 1),
    }


def _cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Run the benchmark and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--translations", type=Path, help="JSON Lines of texts with mistakes")
    parser.add_argument("--traces", type=Path, help="JSON Lines of traces, instead of tracing the bundled sample")
    parser.add_argument("--texts", type=int, default=10_000, help="verified to measure the speed")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations")
    options = parser.parse_args()
    problems = list(file_evidence(options.traces) if options.traces else sample_evidence())
    report: dict[str, Any] = {"benchmark": "verification"}
    if options.translations:
        report["translations"] = compare(translations(options.translations))
    report["mutations"] = compare(mutated((evidences[0] for evidences in problems), options.seed))
    report["speed"] = speeds([evidence for evidences in problems for evidence in evidences], options.texts)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
