"""The legs of a dataset: every start of the job until it is finished, so that the summary can tell of all of them.

Each leg notes every few seconds, in a file of its own in ``.legs/``, how long it has run, what it has finished and how
many tokens its model has used. A leg that is killed thus loses a few seconds of its account, and no rows.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from execground_ray.output.storage import Folder

LEGS = ".legs"
NOTE_SECONDS = 10.0


@contextmanager
def noted(folder: Folder, run: str, tell: Callable[[], dict[str, Any]]) -> Iterator[None]:
    """Note what ``tell`` says, now and then and at the end, for the length of a block.

    Args:
        folder: of the dataset.
        run: name of this leg.
        tell: returns ``seconds``, ``done`` (problems that were finished before this leg), ``throughput`` and
            ``tokens`` (None without a model).
    """
    began = time.time()

    def note() -> None:
        folder.write_text(f"{LEGS}/{run}.json", json.dumps(tell() | {"began": began}))

    def note_now_and_then() -> None:
        pause = 0.0  # the first at once: a leg that is killed early counts too
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


def read_legs(folder: Folder) -> list[dict[str, Any]]:
    """Return what the legs noted, in the order of their beginnings."""
    return sorted((json.loads(folder.read_bytes(path)) for path in folder.files(LEGS)), key=lambda leg: leg["began"])


def whole_run(legs: list[dict[str, Any]]) -> dict[str, Any]:
    """Add legs up: ``legs`` (how many), ``seconds``, ``throughput`` and, if there was a model, ``tokens``.

    The points of a leg end where the next leg begins: what was under way when it died was done again.
    """
    points: list[tuple[float, int]] = []
    seconds = 0.0
    for place, leg in enumerate(legs, 1):
        next_start = legs[place]["done"] if place < len(legs) else None
        for at, finished in leg["throughput"]:
            if next_start is None or leg["done"] + finished <= next_start:
                points.append((round(seconds + at, 1), leg["done"] + finished))
        seconds += leg["seconds"]
    run: dict[str, Any] = {"legs": len(legs), "seconds": seconds, "throughput": points}
    tokens = [leg["tokens"] for leg in legs if leg["tokens"]]
    if tokens:
        engines = [engine for told in tokens for engine in told["engines"]]
        run["tokens"] = {name: sum(told[name] for told in tokens) for name in tokens[0] if name != "engines"}
        run["tokens"] |= {"seconds": round(run["tokens"]["seconds"], 3), "engines": engines}
    return run
