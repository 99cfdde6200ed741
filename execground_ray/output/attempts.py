"""The attempts of a run: every start of the job until its dataset is finished; the summary tells of all of them.

Each attempt notes every few seconds, in a file of its own, how long it has run, what it has finished and how many
tokens its model has used. One that is killed thus loses a few seconds of its account, and no rows.
"""

from __future__ import annotations

import json
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import Any

from execground_ray import __version__
from execground_ray.config.errors import ConfigError
from execground_ray.output.layout import ATTEMPTS
from execground_ray.output.storage import Folder

NOTE_SECONDS = 10.0


@contextmanager
def noted(folder: Folder, run: str, tell: Callable[[], dict[str, Any]]) -> Iterator[None]:
    """Note what ``tell`` says, now and then and at the end, for the length of a block.

    Args:
        folder: of the dataset.
        run: name of this attempt.
        tell: returns ``seconds``, ``done`` (problems that were finished before this attempt), ``throughput`` and
            ``tokens`` (None without a model).
    """
    began = time.time()

    def note() -> None:
        folder.write_text(f"{ATTEMPTS}/{run}.json", json.dumps(tell() | {"began": began, "made_by": made_by()}))

    def note_now_and_then() -> None:
        pause = 0.0  # the first at once: one that is killed early counts too
        while not ended.wait(pause):
            pause = NOTE_SECONDS
            with suppress(Exception):  # the stream finds out by itself when nothing can be written
                note()

    ended = threading.Event()
    thread = threading.Thread(target=note_now_and_then, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(Exception):  # the error that ended the block is the one to tell
            note()


def made_by() -> dict[str, str]:
    """Return what makes rows beside the configuration: texts and traces change with these."""
    return {"execground-ray": __version__, "python": ".".join(platform.python_version_tuple()[:2])}


def maker_of(summary: dict[str, Any]) -> dict[str, str]:
    """Return what made the dataset of a ``summary.json``."""
    python = summary["python"].split()[-1].rpartition(".")[0]
    return {"execground-ray": summary["versions"]["execground-ray"], "python": python}


def makers(folder: Folder, summary: dict[str, Any]) -> list[dict[str, str]]:
    """Return what made the rows that are there; ``summary`` is that of the dataset, empty if it is not finished."""
    noted = [attempt.get("made_by", made_by()) for attempt in read_attempts(folder)]
    return [*noted, *([maker_of(summary)] if summary else [])]


def check_maker(folder: Folder, earlier: dict[str, Any]) -> None:
    """Make sure that rows made now are like those that are there.

    Args:
        folder: of the dataset.
        earlier: its ``summary.json``, empty if it was never finished.

    Raises:
        ConfigError: they were made by another version of this project or of Python.
    """
    for maker in makers(folder, earlier):
        if maker != made_by():
            before, now = (" on Python ".join(each.values()) for each in (maker, made_by()))
            raise ConfigError(
                f"output.dir = {folder.location!r} was begun by execground-ray {before}, and this is {now}, whose rows "
                "differ; allowed: the same versions, another output.dir, or output.on_existing=overwrite"
            )


def carry_over(folder: Folder, summary: dict[str, Any]) -> None:
    """Note what a finished dataset, to which more is to be added now, says of the attempts that made it."""
    told = {name: summary[name] for name in ("legs", "seconds", "throughput")}
    note = told | {"done": 0, "tokens": summary.get("translation"), "began": 0.0, "made_by": maker_of(summary)}
    folder.write_text(f"{ATTEMPTS}/finished.json", json.dumps(note))


def read_attempts(folder: Folder) -> list[dict[str, Any]]:
    """Return what the attempts noted, in the order of their beginnings."""
    return sorted(map(json.loads, map(folder.read_bytes, folder.files(ATTEMPTS))), key=itemgetter("began"))


def whole_run(attempts: list[dict[str, Any]]) -> dict[str, Any]:
    """Add attempts up: ``legs`` (how many), ``seconds``, ``throughput`` and, if there was a model, ``tokens``.

    The points of an attempt end where the next begins: what was under way when it died was done again.
    """
    points: list[tuple[float, int]] = []
    seconds = 0.0
    for place, attempt in enumerate(attempts, 1):
        next_start = attempts[place]["done"] if place < len(attempts) else None
        for at, finished in attempt["throughput"]:
            if next_start is None or attempt["done"] + finished <= next_start:
                points.append((round(seconds + at, 1), attempt["done"] + finished))
        seconds += attempt["seconds"]
    legs = sum(attempt.get("legs", 1) for attempt in attempts)
    run: dict[str, Any] = {"legs": legs, "seconds": seconds, "throughput": points}
    tokens = [attempt["tokens"] for attempt in attempts if attempt["tokens"]]
    if tokens:
        engines = [engine for told in tokens for engine in told["engines"]]
        names = dict.fromkeys(name for told in tokens for name in told if name != "engines")
        run["tokens"] = {name: sum(told.get(name, 0) for told in tokens) for name in names}
        run["tokens"] |= {"seconds": round(run["tokens"]["seconds"], 3), "engines": engines}
    return run
