"""The Ray cluster a run uses, and how its CPUs are shared between the stages."""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray.data import DataContext

from execground_ray.config import Cluster, Tracing
from execground_ray.schema import ConfigError

# Ray reserves an actor's CPUs for as long as the job runs, so what the tracing actors do not reserve is all that the
# other stages ever get. A job that reserves too much starts, and then waits for ever. Repartitioning takes a whole CPU,
# and there is no way to ask for less.
STAGE_CPUS = 0.1
WRITE_CPUS = 0.2  # not that of the stages: Ray joins equals, and then all stages would wait until a shard is full
OTHER_CPUS = 1.0 + STAGE_CPUS + WRITE_CPUS
LEAST_CPUS = 2
CPU_UNITS = 10_000  # Ray counts a CPU in so many parts
NO_PROGRESS_SECONDS = 600
# Ray ends a process that has had nothing to do for a second if there are more of them than CPUs, and starts another
# when the next task comes: on a laptop most of a short run would go into starting processes.
IDLE_WORKER_MS = 60_000


@dataclass(frozen=True)
class TracingActors:
    """How many actors trace, and the CPUs that each reserves."""

    count: int
    cpus: float


def plan_tracing(node_cpus: Sequence[float], tracing: Tracing, model_cpus: float = 0.0) -> TracingActors:
    """Share the CPUs out: one tracing actor per CPU unless the configuration says otherwise.

    However Ray spreads the actors over the nodes, one node has room left for the other stages.

    Args:
        node_cpus: CPUs of each node of the cluster.
        tracing: says how many actors, or leaves it open.
        model_cpus: what to leave to the translating model for the length of the run.

    Raises:
        ConfigError: the CPUs are too few, for any actor or for as many as are wanted.
    """
    total_cpus = sum(node_cpus)
    if max(node_cpus, default=0) < LEAST_CPUS:
        raise ConfigError(f"the largest node has {max(node_cpus, default=0):g} CPUs; allowed: {LEAST_CPUS} or more")
    count = tracing.workers or max(1, int(total_cpus - model_cpus))
    # What is left over in sum is on one node if it is more than all nodes but for a little could hide.
    spare_cpus = sum(cpus - OTHER_CPUS for cpus in node_cpus if cpus >= OTHER_CPUS)
    cpus = int(CPU_UNITS * (spare_cpus - model_cpus) / count) / CPU_UNITS
    if cpus <= 0:
        raise ConfigError(f"tracing.workers = {count} are too many for {total_cpus:g} CPUs")
    return TracingActors(count, min(1.0, cpus))


@contextmanager
def connect(cluster: Cluster) -> Iterator[list[float]]:
    """Join the cluster, or start Ray here, for the length of a block; yield the number of CPUs of each node.

    A Ray that is started here counts two CPUs even if there is one: the stages need them to take turns.
    """
    # What a user can act on is an exception here, not a line of Ray's; its own log files keep everything.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    for name in ("ray", "ray.data", "ray._private.authentication"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # Ray finds it strange that a corpus of a few blocks cannot keep all actors busy.
    warnings.filterwarnings("ignore", "The m(in|ax)imum number of concurrent", UserWarning)
    address = cluster.address or ("auto" if "RAY_ADDRESS" in os.environ else "local")
    started_here: dict[str, Any] = {}
    if address == "local":
        started_here = {
            "num_cpus": cluster.num_cpus,
            "include_dashboard": cluster.dashboard,
            "_system_config": {"idle_worker_killing_time_threshold_ms": IDLE_WORKER_MS},
        }
    options: dict[str, Any] = {"address": address, "logging_level": logging.ERROR, "log_to_driver": False}
    ray.init(**options, **started_here)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ray has set its own; end as Ctrl-C does
    try:
        if started_here and ray.cluster_resources()["CPU"] < LEAST_CPUS:
            ray.shutdown()
            ray.init(**options, **started_here | {"num_cpus": LEAST_CPUS})
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.execution_no_progress_timeout_s = NO_PROGRESS_SECONDS
        yield [float(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    finally:
        ray.shutdown()
