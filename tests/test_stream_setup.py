"""What is set before a stream is made reaches Ray Data: without it one stage runs through the corpus by itself."""

from unittest.mock import MagicMock

import pytest
from ray.data import DataContext
from ray.data._internal.execution.backpressure_policy import downstream_capacity_backpressure_policy as ray_policy
from ray.data._internal.execution.interfaces import ExecutionResources

from execground_ray.cluster import OTHER_SHARE, set_up_stream
from execground_ray.private.ray import (
    HAS_ENOUGH,
    THRESHOLD,
    DownstreamCapacityBackpressurePolicy,
    RateBasedClusterAutoscaler,
)

USUAL_SHARE, USUAL_THRESHOLD = 0.5, 0.5  # of Ray Data


@pytest.fixture
def context(monkeypatch):
    """Ray Data as it is before anybody has set anything, and again afterwards."""
    found = DataContext.get_current().copy()
    monkeypatch.setattr(DataContext, "get_current", lambda: found)
    found.op_resource_reservation_ratio = USUAL_SHARE
    monkeypatch.setattr(DownstreamCapacityBackpressurePolicy, THRESHOLD, USUAL_THRESHOLD)
    monkeypatch.setattr(RateBasedClusterAutoscaler, HAS_ENOUGH, getattr(RateBasedClusterAutoscaler, HAS_ENOUGH))
    return found


def holds_back(context, monkeypatch, waiting):
    """Whether Ray Data's own policy stops a stage that has used a hundredth of its share of the object store."""
    monkeypatch.setattr(ray_policy, "get_utilized_object_store_budget_fraction", lambda *_, **__: 0.01)
    policy = DownstreamCapacityBackpressurePolicy(context, {}, MagicMock())
    monkeypatch.setattr(policy, "_should_skip_backpressure", lambda _: False)
    monkeypatch.setattr(policy, "_get_output_pressure", lambda _: waiting)
    return policy._should_apply_backpressure(MagicMock(output_dependencies=[]))


@pytest.mark.parametrize(("waiting", "stops"), [(1.0, False), (3.0, True)])
def test_a_stage_is_stopped_when_more_waits_than_twice_what_the_next_works_on(context, monkeypatch, waiting, stops):
    assert not holds_back(context, monkeypatch, waiting)
    set_up_stream(600)
    assert holds_back(context, monkeypatch, waiting) is stops


def asks_for():
    """What Ray Data's own autoscaler asks for where all CPUs are taken."""
    stage = MagicMock(output_dependencies=[])
    stage.has_completed.return_value = False
    stage.metrics.num_output_blocks_per_task_s = 1.0
    stage.get_max_concurrency_limit.return_value = 1
    stage.min_scheduling_resources.return_value = ExecutionResources(cpu=0.1)
    stage.per_task_resource_allocation.return_value = ExecutionResources(cpu=0.1)
    used = MagicMock()
    used.get.return_value = MagicMock(cpu=1.0, gpu=0.0, memory=0.0, object_store_memory=0.0)
    coordinator = MagicMock()
    coordinator.get_reserved_resources.return_value = {"node": {"CPU": 2.0}}
    with_no_wait = {"autoscaling_coordinator": coordinator, "min_gap_between_autoscaling_requests_s": 0}
    autoscaler = RateBasedClusterAutoscaler([stage], "job", utility_calculator=used, **with_no_wait)
    autoscaler.try_trigger_scaling()
    return coordinator.request_resources.call_args.kwargs["resources"]


def test_nothing_is_asked_for_that_would_take_cpus_out_of_reach(context):
    assert asks_for() == [{"CPU": 0.1}]
    set_up_stream(600)
    assert asks_for() == []


def test_so_much_of_the_cpus_is_set_aside_for_each_stage_as_the_plan_counts_on(context):
    set_up_stream(600)
    assert context.op_resource_reservation_ratio == OTHER_SHARE
    assert context.execution_no_progress_timeout_s == 600
