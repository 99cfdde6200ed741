"""Ray, of which the job uses more than it promises: of its core and of Ray Data. What is of ``ray.llm`` is beside this.

Nothing here would be missed aloud: Ray ignores a threshold that none of its classes reads, and a variable that it does
not know. So both are looked for before a job starts, and afterwards whether Ray really keeps to this machine.
"""

from __future__ import annotations

import logging
import mmap
import traceback
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants
from ray._private.internal_api import memory_summary
from ray._private.node import Node
from ray.data import DataContext
from ray.data._internal.cluster_autoscaler import RateBasedClusterAutoscaler
from ray.data._internal.execution.backpressure_policy import ENABLED_BACKPRESSURE_POLICIES
from ray.data._internal.execution.backpressure_policy.downstream_capacity_backpressure_policy import (
    DownstreamCapacityBackpressurePolicy,
)
from ray.data.exceptions import SystemException

from execground_ray.private.checking import gone, require, require_reader

__all__ = [
    "SystemException",
    "ask_for_no_nodes",
    "check_names",
    "check_on_loopback",
    "hold_back_from_the_first_byte",
    "memory_summary",
    "start",
    "start_settings",
]

LIBRARY = "ray"
THRESHOLD = "OBJECT_STORE_BUDGET_UTIL_THRESHOLD"
HAS_ENOUGH = "_is_cluster_utilization_low"
LOOPBACK_VARIABLE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # 0: Ray listens on 127.0.0.1 alone, whatever the system
LOOPBACK = "127.0.0.1"
IDLE_SETTING = "idle_worker_killing_time_threshold_ms"  # Ray does not start with one that it does not know
STARTS = 3
QUIET_LOGGERS = ("ray", "ray.data", "ray._private.authentication")


def check_names() -> None:
    """Make sure that Ray still reads what is set here.

    Raises:
        ConfigError: it does not.
    """
    require(LIBRARY, DownstreamCapacityBackpressurePolicy, THRESHOLD)
    require_reader(LIBRARY, DownstreamCapacityBackpressurePolicy, THRESHOLD)
    if DownstreamCapacityBackpressurePolicy not in ENABLED_BACKPRESSURE_POLICIES:
        raise gone(LIBRARY, "DownstreamCapacityBackpressurePolicy among its policies")
    require(LIBRARY, RateBasedClusterAutoscaler, HAS_ENOUGH)
    require_reader(LIBRARY, RateBasedClusterAutoscaler, HAS_ENOUGH)
    require(LIBRARY, DataContext.get_current(), "op_resource_reservation_ratio", "execution_no_progress_timeout_s")
    require(LIBRARY, Node, "kill_all_processes")
    if getattr(ray_constants, "ENABLE_RAY_CLUSTERS_ENV_VAR", None) != LOOPBACK_VARIABLE:
        raise gone(LIBRARY, f"variable {LOOPBACK_VARIABLE}")


def hold_back_from_the_first_byte() -> None:
    """Let no more wait for a stage than twice what it works on, however much of the object store is free."""
    setattr(DownstreamCapacityBackpressurePolicy, THRESHOLD, 0)


def ask_for_no_nodes() -> None:
    """Leave it to the pools to ask for nodes, by the actors that they start: so a stream may use all CPUs there are.

    What Ray Data asks for beside them, a part of a CPU for each task that it foresees, is all that the stream may use
    from then on, with what is left of each node in whole CPUs: of 2, it had 1.6, and rows were verified one at a time.
    """
    setattr(RateBasedClusterAutoscaler, HAS_ENOUGH, lambda autoscaler, utilization: True)


def start_settings(idle_worker_ms: int) -> dict[str, Any]:
    """Return what to give to ``ray.init`` so that Ray keeps idle processes for so long.

    Raises:
        ConfigError: it does not know that setting.
    """
    program = Path(ray.__file__).parent / "core/src/ray/gcs/gcs_server"
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        if text.find(IDLE_SETTING.encode()) < 0:
            raise gone(LIBRARY, f"setting {IDLE_SETTING}")
    return {"_system_config": {IDLE_SETTING: idle_worker_ms}}


def start(**settings: Any) -> None:
    """Do ``ray.init``, and again while a node that it starts here gives itself up: ``STARTS`` times at most.

    A node ends itself if its agent has not answered after some fifteen seconds, for which there is no setting. An agent
    takes longer where much else runs, or where its code is read from a slow disk for the first time.
    """
    for left in reversed(range(STARTS)):
        try:
            ray.init(logging_level=logging.ERROR, log_to_driver=False, **settings)
            return
        except Exception as error:
            frames = (frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__))
            node = next((each for each in frames if isinstance(each, Node)), None)  # nothing else holds it
            if node is None or not left:
                raise
            node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)


def check_on_loopback() -> None:
    """Make sure that the Ray that was started here is nobody's but this machine's.

    Raises:
        ConfigError: it listens elsewhere.
    """
    if any(node["NodeManagerAddress"] != LOOPBACK for node in ray.nodes()):
        raise gone(LIBRARY, f"obedience to {LOOPBACK_VARIABLE}=0, and listens beyond {LOOPBACK}")
