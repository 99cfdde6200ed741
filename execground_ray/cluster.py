"""The Ray cluster a run uses, and how its CPUs are shared between the stages."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray.data import DataContext

from execground_ray.config import Cluster, Tracing

# Ray reserves an actor's CPUs for as long as the job runs, so what the tracing actors do not reserve is all that the
# other stages ever get. A job that reserves too much starts, and then waits for ever. Repartitioning takes a whole CPU,
# and there is no way to ask for less.
STAGE_CPUS = 0.1
OTHER_CPUS = 1.0 + 2 * STAGE_CPUS
NO_PROGRESS_SECONDS = 600


@dataclass(frozen=True)
class TracingActors:
    """How many actors trace, and the CPUs that each reserves."""

    count: int
    cpus: float


def plan_tracing(total_cpus: float, tracing: Tracing) -> TracingActors:
    """Share ``total_cpus`` out: one tracing actor per CPU unless the configuration says otherwise."""
    count = tracing.workers or max(1, int(total_cpus))
    available = total_cpus - OTHER_CPUS
    return TracingActors(count, max(0.01, min(1.0, int(100 * available / count) / 100)))


@contextmanager
def connect(cluster: Cluster) -> Iterator[float]:
    """Join the cluster, or start Ray here, for the length of a block; yield its number of CPUs."""
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    address = cluster.address or ("auto" if "RAY_ADDRESS" in os.environ else "local")
    started_here: dict[str, Any] = {}
    if address == "local":
        started_here = {"num_cpus": cluster.num_cpus, "include_dashboard": cluster.dashboard}
    ray.init(address=address, logging_level=logging.WARNING, log_to_driver=False, **started_here)
    try:
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.execution_no_progress_timeout_s = NO_PROGRESS_SECONDS
        yield float(ray.cluster_resources()["CPU"])
    finally:
        ray.shutdown()
