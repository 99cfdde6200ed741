"""Problems that run and whose question carries a mark for the server or engine of a test."""

import json
from pathlib import Path


def write_corpus(path: Path, marks: list[str]) -> None:
    """Write one problem per mark; ``""`` is an ordinary one, and one marked ``RANDOM`` never comes to a model."""
    lines = []
    for number, mark in enumerate(marks):
        code = f"def main_solution(n):\n    twice = 2 * n + {number} - {number}\n    return twice\n"
        if mark == "RANDOM":
            code = f"import random\n{code}"
        problem = {
            "problem_description": f"Double the number. Case {number}. {mark}",
            "io_requirements": "Input:\n  n (int): a number\n\nOutput:\n  return (int): twice of it",
            "refcode": code,
            "funcname": "main_solution",
            "ios": [{"input": {"n": 2}, "output": 4}],
            "source": "test",
            "category": "",
            "meta": {},
        }
        lines.append(json.dumps(problem) + "\n")
    path.write_text("".join(lines))


def read_output(folder: Path) -> tuple[list[dict], list[dict]]:
    """Return the training rows and the rejected rows of a dataset, those of the shards in the order of their names."""
    train, rejected = (
        [json.loads(line) for path in sorted((folder / kind).glob("*.jsonl")) for line in path.read_text().splitlines()]
        for kind in ("train", "rejected")
    )
    return train, rejected
