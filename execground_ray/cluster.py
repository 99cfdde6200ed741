"""The Ray cluster a run uses, and how its CPUs are shared between the stages."""

from __future__ import annotations

import logging
import os
import signal
import socket
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray.data import DataContext

from execground_ray.config.errors import ConfigError
from execground_ray.config.ray_start import check_startable
from execground_ray.config.schema import Cluster, Tracing
from execground_ray.private.ray import (
    LOOPBACK_VARIABLE,
    QUIET_LOGGERS,
    ask_for_no_nodes,
    check_names,
    check_on_loopback,
    hold_back_from_the_first_byte,
    start,
    start_settings,
)
from execground_ray.tracing.worker import WALL_PER_CPU_SECONDS

# Ray reserves an actor's CPUs for as long as the job runs, so what the tracing actors do not reserve is all that the
# other stages ever get: a job that reserves too much starts, and then waits for ever. Ray Data too sets aside a part of
# the CPUs for each stage, from the first on: what that leaves must suffice for the last, or nothing is written until
# the stages before it have ended.
STAGE_CPUS = 0.1
WRITE_CPUS = 0.12  # not that of the stages: Ray joins equals, and then all stages would wait until a shard is full
OTHER_CPUS = 0.5  # of each node, at least: reading, the small stages and a write, one of each
OTHER_SHARE = 0.1  # of each node, at least; it is what Ray Data sets aside, so both have what they need
LEAST_CPUS = 1
ADDRESSES = "allowed: host:port of a cluster, auto, local; from elsewhere use `ray job submit --address`"
CONNECT_SECONDS = 10.0
CPU_UNITS = 10_000  # Ray counts a CPU in so many parts
# Ray ends a process that has had nothing to do for a second if there are more of them than CPUs, and starts another
# when the next task comes: on a laptop most of a short run would go into starting processes.
IDLE_WORKER_MS = 60_000


@dataclass(frozen=True)
class TracingActors:
    """How many actors trace, and the CPUs that each reserves."""

    count: int
    cpus: float


def plan_tracing(node_cpus: Sequence[float], tracing: Tracing, translator_cpus: float = 0.0) -> TracingActors:
    """Share the CPUs out: one tracing actor per CPU unless the configuration says otherwise.

    However Ray spreads the actors over the nodes, one node has room left for the other stages: if every node had less
    than what is kept of it, the actors would reserve more than they do.

    Args:
        node_cpus: CPUs of each node of the cluster.
        tracing: says how many actors, or leaves it open.
        translator_cpus: what to leave to the translator for the length of the run.

    Raises:
        ConfigError: the CPUs are too few, for any actor or for as many as are wanted.
    """
    total_cpus = sum(node_cpus)
    if max(node_cpus, default=0) < LEAST_CPUS:
        raise ConfigError(f"the largest node has {max(node_cpus, default=0):g} CPUs; allowed: {LEAST_CPUS} or more")
    count = tracing.workers or max(1, int(total_cpus - translator_cpus))
    spare_cpus = sum(cpus - max(OTHER_CPUS, OTHER_SHARE * cpus) for cpus in node_cpus if cpus >= OTHER_CPUS)
    cpus = int(CPU_UNITS * (spare_cpus - translator_cpus) / count) / CPU_UNITS
    if cpus <= 0:
        raise ConfigError(f"tracing.workers = {count} are too many for {total_cpus:g} CPUs")
    return TracingActors(count, min(1.0, cpus))


def cluster_address(cluster: Cluster) -> str:
    """Return where the cluster is, ``local`` for one that is started here.

    Raises:
        ConfigError: nothing of Ray's can be there, or nobody answers.
    """
    address = cluster.address or os.environ.get("RAY_ADDRESS") or "local"
    if address in ("local", "auto"):
        return address
    if address.startswith(("http://", "https://")):
        raise ConfigError(f"cluster.address = {address!r} is the address of a dashboard; {ADDRESSES}")
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigError(f"cluster.address = {address!r}: {error or 'no port'}; {ADDRESSES}") from error
    return address


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Ray's own code prints about its start for the case that it fails."""
    with tempfile.TemporaryFile() as said:
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def connect(cluster: Cluster) -> Iterator[list[float]]:
    """Join the cluster, or start Ray here, for the length of a block; yield the number of CPUs of each node."""
    # What a user can act on is an exception here, not a line of Ray's; its own log files keep everything.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    # Ray finds it strange that a corpus of a few blocks cannot keep all actors busy.
    warnings.filterwarnings("ignore", "The m(in|ax)imum number of concurrent", UserWarning)
    address = cluster_address(cluster)
    check_names()
    started_here: dict[str, Any] = {}
    if address == "local":
        check_startable()
        started_here = {
            "num_cpus": cluster.num_cpus,
            "include_dashboard": cluster.dashboard,
            **start_settings(IDLE_WORKER_MS),
        }
    try:
        with _quiet():
            start(address=address, **started_here)
    except ConnectionError as error:
        raise ConfigError(f"cluster.address = {address!r}: {str(error).splitlines()[0]}; {ADDRESSES}") from error
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ray has set its own; end as Ctrl-C does
    try:
        if started_here and os.environ.get(LOOPBACK_VARIABLE) == "0":
            check_on_loopback()
        yield [float(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    finally:
        ray.shutdown()


def patience_seconds(tracing: Tracing, block_rows: int, translator_seconds: float) -> float:
    """Return how long nothing may come out of the stream before Ray Data gives it up.

    A block whose programs all run into the time limit takes long, but is not stuck; nor is a translator that takes
    ``translator_seconds``.
    """
    return max(translator_seconds, block_rows * tracing.max_timeouts * WALL_PER_CPU_SECONDS * tracing.timeout_s)


def set_up_stream(no_progress_seconds: float) -> None:
    """Set what Ray Data asks for before a stream is made: silence, patience, and that every stage gets its turn."""
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = no_progress_seconds
    context.op_resource_reservation_ratio = OTHER_SHARE
    ask_for_no_nodes()
    # Ray Data lets a stage run ahead until half of its share of the object store is full: of a cluster's, that is the
    # whole corpus, and the driver keeps a record of each block that waits. So from the first byte on, no more may wait
    # for a stage than twice what it works on.
    hold_back_from_the_first_byte()
