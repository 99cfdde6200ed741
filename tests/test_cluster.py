"""The CPUs that the actors reserve leave enough for the other stages: a job that reserves too much waits for ever."""

import math
from textwrap import dedent

import pytest

from execground_ray.cluster import (
    OTHER_CPUS,
    OTHER_SHARE,
    STAGE_CPUS,
    WRITE_CPUS,
    cluster_address,
    patience_seconds,
    plan_tracing,
)
from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import load
from execground_ray.pipeline import block_rows
from execground_ray.translators.llm.vllm import PROMPT_CPUS, model_cpus

WORKERS = (1, 2, 3, 4, 5, 7, 8, 16, 31, 64, 100, 127, 128, 500, 1000)


def tracing(workers="null"):
    return load([f"tracing.workers={workers}"]).tracing


@pytest.mark.parametrize("workers", WORKERS)
def test_a_given_number_of_actors_always_fits(workers):
    limits = tracing(workers)
    for total_cpus in range(1, 129):
        actors = plan_tracing([total_cpus], limits)
        assert actors.count == workers
        assert 0 < actors.cpus <= 1
        assert actors.count * actors.cpus + OTHER_CPUS <= total_cpus + 1e-9, (total_cpus, actors)


def test_without_a_number_there_is_one_actor_for_each_cpu():
    limits = tracing()
    for total_cpus in range(1, 129):
        actors = plan_tracing([total_cpus], limits)
        assert actors.count == total_cpus
        assert actors.count * actors.cpus + OTHER_CPUS <= total_cpus + 1e-9


@pytest.mark.parametrize("workers", WORKERS)
def test_what_ray_data_sets_aside_for_the_stages_before_leaves_room_for_the_write(workers):
    limits = tracing(workers)
    for total_cpus in range(1, 129):
        actors = plan_tracing([total_cpus], limits)
        # ReservationOpResourceAllocator: an equal part of the ratio for each stage, or what one task of it takes
        aside = OTHER_SHARE * total_cpus / 4
        before = actors.count * actors.cpus + 2 * max(aside, STAGE_CPUS)
        assert before + max(aside, WRITE_CPUS) <= total_cpus + 1e-9, (total_cpus, actors)


def test_parts_of_cpus_count_as_whole_actors_only():
    actors = plan_tracing([3.5], tracing())
    assert actors.count == 3
    assert actors.count * actors.cpus + OTHER_CPUS <= 3.5 + 1e-9


def test_an_actor_never_reserves_more_than_the_one_cpu_it_uses():
    assert plan_tracing([64], tracing(2)).cpus == 1


def test_more_actors_than_parts_of_a_cpu_are_refused():
    with pytest.raises(ConfigError, match=r"tracing\.workers = 100000 are too many for 2 CPUs"):
        plan_tracing([2], tracing(100_000))


def test_a_cluster_on_which_nothing_would_move_is_refused():
    with pytest.raises(ConfigError, match=r"the largest node has 0\.5 CPUs; allowed: 1 or more"):
        plan_tracing([0.5], tracing())


@pytest.mark.parametrize("nodes", [[8] * 8, [2] * 5, [0, 64, 64], [1, 1, 1, 4], [128] * 100])
@pytest.mark.parametrize("reserved", [0.0, 0.35])
def test_one_node_has_room_for_the_other_stages_however_the_actors_fall(nodes, reserved):
    actors = plan_tracing(nodes, tracing(), reserved)
    assert actors.count == int(sum(nodes) - reserved)
    assert 0 < actors.cpus <= 1
    # As bad as can be: as many on each node as leave less than the room. Either a node cannot take that many, or the
    # actors do not suffice for all nodes.
    hiding = [max(0, math.ceil((cpus - OTHER_CPUS) / actors.cpus + 1e-9)) for cpus in nodes]
    takes_them = [count * actors.cpus <= cpus for count, cpus in zip(hiding, nodes, strict=True)]
    assert not all(takes_them) or sum(hiding) > actors.count


@pytest.mark.parametrize(("engines", "gpus_per_engine"), [(4, 2), (1, 8), (8, 1), (1, 1)])
def test_beside_a_model_every_stage_can_be_scheduled(engines, gpus_per_engine):
    config = load(["translator=vllm", f"cluster.engines={engines}", f"cluster.gpus_per_engine={gpus_per_engine}"])
    for total_cpus in range(1, 129):
        cpus = model_cpus(config.translator, total_cpus)
        actors = plan_tracing([total_cpus], config.tracing, cpus)
        assert actors.cpus > 0
        assert actors.count * actors.cpus + OTHER_CPUS + PROMPT_CPUS <= total_cpus + 1e-9
        assert actors.count >= max(1, total_cpus - engines * gpus_per_engine - 1)


@pytest.mark.parametrize(
    ("problems", "actors", "rows_per_shard", "rows"),
    [(1, 2, 1000, 8), (1_000, 2, 1000, 15), (370_000, 128, 1000, 90), (370_000, 2, 1000, 256), (370_000, 2, 5, 5)],
)
def test_blocks_grow_with_the_corpus_up_to_a_shard(problems, actors, rows_per_shard, rows):
    assert block_rows(problems, actors, rows_per_shard) == rows


def test_the_stream_is_not_given_up_while_a_block_of_programs_that_all_time_out_can_be_at_work():
    limits = load(["tracing.timeout_s=5", "tracing.max_timeouts=2"]).tracing
    assert patience_seconds(limits, 8, 600.0) == 600
    assert patience_seconds(limits, 256, 600.0) == 256 * 2 * 10


def test_a_model_has_two_hours_before_anything_comes_out():
    limits = load(["translator=vllm", "tracing.timeout_s=1"]).tracing
    assert patience_seconds(limits, 8, 7200.0) == 7200


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8265", "https://cluster", "cluster", "127.0.0.1:", "127.0.0.1:1"]
)
def test_an_address_where_no_cluster_can_be_is_refused_at_once(monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match=r"cluster\.address = .*; allowed: host:port of a cluster, auto, local"):
        cluster_address(load().cluster)


@pytest.mark.parametrize("named", ["", None])
def test_an_empty_address_is_none(monkeypatch, named):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if named is not None:
        monkeypatch.setenv("RAY_ADDRESS", named)
    assert cluster_address(load().cluster) == "local"
    assert cluster_address(load(["cluster.address=auto"]).cluster) == "auto"


@pytest.mark.parametrize(("starts", "started"), [(2, True), (1, False)])
def test_a_node_that_gives_itself_up_is_started_again_and_leaves_nothing(run_command, starts, started):
    job = """
        import sys, psutil
        from ray._private import services
        from execground_ray import private
        from execground_ray.cluster import connect
        from execground_ray.config.loading import load

        failures, private.ray.STARTS = 1, int(sys.argv[1])
        get_node = services.get_node

        def get_node_in_the_end(*address):
            global failures
            failures -= 1
            if failures >= 0:
                raise Exception("The current node timed out during startup.")
            return get_node(*address)

        services.get_node = get_node_in_the_end
        with connect(load(["cluster.num_cpus=2"]).cluster) as node_cpus:
            running = [child.name() for child in psutil.Process().children()]
            print(node_cpus, running.count("gcs_server"))
    """
    ended = run_command("-c", dedent(job), str(starts))
    assert ended.stdout.split() == (["[2.0]", "1"] if started else []), ended.stderr
    assert ("timed out during startup" in ended.stderr) == (not started)
