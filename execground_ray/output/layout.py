"""What is where in an output folder: one name for each file and folder, and for the writes that fill them.

A write of some hundred rows has one name, and under it at most one file in each of ``train/``, ``preference/``,
``rejected/`` and ``records/``.
"""

from __future__ import annotations

import uuid

TRAIN, PREFERENCE, REJECTED, RECORDS = "train", "preference", "rejected", "records"
ENDINGS = {TRAIN: "jsonl", PREFERENCE: "jsonl", REJECTED: "jsonl", RECORDS: "parquet"}
WRITE_NAME = r"[0-9a-f]{8}-\d{6,}"

CONFIG = "config.yaml"  # written first
SUMMARY = "summary.json"  # written last: where it is, the dataset is finished
DATASET_INFO = "dataset_info.json"
REPORT = "report.html"
CARD = "README.md"
CARD_SIGN = "pretty_name: Execution-grounded reasoning"  # in the head of every card
UNFINISHED = ".unfinished"  # files on their way to their names
ATTEMPTS = ".legs"
LOCK = ".lock"

WRITTEN = (TRAIN, PREFERENCE, REJECTED, RECORDS, UNFINISHED, ATTEMPTS, SUMMARY, DATASET_INFO, CONFIG, REPORT, CARD)


def new_run() -> str:
    """Return a name that no other run has; the names of its writes begin with it."""
    return uuid.uuid4().hex[:8]


def write_name(run: str, task: int) -> str:
    """Return the name of the write of one task of a run."""
    return f"{run}-{task:06}"


def file_of(kind: str, write: str) -> str:
    """Return the path in the output folder of what a write has in one of the folders of ``ENDINGS``."""
    return f"{kind}/{write}.{ENDINGS[kind]}"
