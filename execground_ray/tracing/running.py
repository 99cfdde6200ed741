"""Requests to caged workers: the settings that a worker starts with, and how a run of one ends."""

from __future__ import annotations

import re
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from execground_ray.records import Reason
from execground_ray.tracing.sandbox import (
    CagedWorker,
    SandboxFaultError,
    SandboxUnavailableError,
    WorkerStartError,
    landlock_abi,
)

if TYPE_CHECKING:
    from execground_ray.config.schema import Tracing

TRIES_AFTER_FAULT = 2
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Failure:
    """Why a run, or a whole problem, gave nothing.

    Attributes:
        reason: its kind.
        detail: more about it, for people.
        pairs: how many pairs ended so, one after the other.
        cpu_seconds: that they took.
    """

    reason: Reason
    detail: str
    pairs: int = 1
    cpu_seconds: float = 0.0


def run_in(worker: CagedWorker, request: dict[str, Any], worker_runs: int) -> dict[str, Any] | Failure:
    """Run a request; a fault of the sandbox is tried again on a fresh worker.

    A run that was killed is tried again once: the program may have had no part in it (a machine out of memory).

    Args:
        worker: which one.
        request: see ``worker``.
        worker_runs: after so many runs the worker is replaced.

    Raises:
        SandboxUnavailableError: no worker starts, whatever it is to run.
    """
    if worker.runs >= worker_runs:
        worker.close()
    detail, was_killed, starts = "", False, False
    for _ in range(1 + TRIES_AFTER_FAULT):
        try:
            result = worker.run(request)
        except SandboxFaultError as error:
            detail, starts = str(error), not isinstance(error, WorkerStartError)
            continue
        starts = True
        if result["outcome"] == "returned":
            return result
        if (result["outcome"], result["detail"]) == (Reason.KILLED, signal.SIGKILL.name) and not was_killed:
            was_killed = True
            continue
        if result["outcome"] != Reason.SANDBOX_FAULT:
            return Failure(Reason(result["outcome"]), result["detail"], result["calls"], result["cpu_seconds"])
        detail = result["detail"]
        worker.close()
    if not starts:
        raise SandboxUnavailableError(f"sandbox: {detail}; the log of its actor has what it said")
    return Failure(Reason.SANDBOX_FAULT, detail)


def settings_of(tracing: Tracing, role: str, preload: list[str], *, caged: bool) -> dict[str, Any]:
    """Return what ``CagedWorker`` takes.

    Args:
        tracing: the limits.
        role: see ``worker``.
        preload: what to import before the first run.
        caged: whether to use the sandbox.
    """
    return {
        "caged": caged,
        "landlock_abi": landlock_abi() if caged else 0,
        "role": role,
        "preload": preload,
        "value_chars": tracing.value_chars,
        "limits": {
            "max_lines": tracing.max_lines,
            "result_bytes": tracing.trace_bytes,
            "timeout_seconds": tracing.timeout_s,
            "memory_mb": tracing.memory_mb,
            "exceptions": tracing.exceptions,
        },
    }


def packages_of(tracing: Tracing) -> list[str]:
    """Return the modules to preload that are not of the standard library."""
    return [name for name in tracing.preload if name.partition(".")[0] not in sys.stdlib_module_names]


def names_one_of(packages: frozenset[str], refcode: str) -> bool:
    """Tell whether a program names a package."""
    return not packages.isdisjoint(WORD.findall(refcode))
