"""``cluster.yaml`` and ``rayjob.yaml`` are what Ray and KubeRay take, with the project's own Ray and Python."""

import inspect
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.dashboard.modules.job import job_supervisor
from ray.dashboard.modules.job.job_supervisor import JobSupervisor

from execground_ray.config.loading import load

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RAY = next(re.search(r"==([\d.]+)", name)[1] for name in PROJECT["dependencies"] if name.startswith("ray[data]"))
PYTHON = "py311"
# The fields of RayJob and RayCluster (KubeRay 1.6) that this manifest may use, and their types.
JOB = {"entrypoint": str, "backoffLimit": int, "shutdownAfterJobFinishes": bool, "ttlSecondsAfterFinished": int}
JOB |= {"rayClusterSpec": dict}
CLUSTER = {"rayVersion": str, "enableInTreeAutoscaling": bool, "autoscalerOptions": dict, "authOptions": dict}
CLUSTER |= {"headGroupSpec": dict, "workerGroupSpecs": list}
WORKERS = {"groupName": str, "replicas": int, "minReplicas": int, "maxReplicas": int, "rayStartParams": dict}
WORKERS |= {"template": dict}


@pytest.fixture(scope="module")
def cluster():
    return yaml.safe_load((ROOT / "cluster.yaml").read_text())


@pytest.fixture(scope="module")
def job():
    return yaml.safe_load((ROOT / "rayjob.yaml").read_text())


def check(found, fields):
    assert {name: type(value) for name, value in found.items()} == fields


def test_ray_takes_the_cluster(cluster):
    validate_config(prepare_config(cluster))


def test_ray_would_tell_a_mistake(cluster):
    with pytest.raises(Exception, match="num_gpus"):
        validate_config(prepare_config(cluster | {"num_gpus": 8}))


def test_the_cluster_has_the_projects_ray_and_python(cluster):
    images = [cluster["docker"]["image"]]
    images += [kind["docker"]["worker_image"] for kind in cluster["available_node_types"].values() if "docker" in kind]
    assert len(images) == 2
    for image in images:
        assert re.fullmatch(rf"rayproject/ray(-llm)?:{re.escape(RAY)}-{PYTHON}-(cpu|cu\d+)", image)


def test_one_machine_has_the_gpus_that_the_engines_want_and_tracing_grows(cluster):
    kinds = cluster["available_node_types"]
    wanted = load(["translator=vllm", "cluster=gpu8"]).translator
    gpus = kinds["gpu8"]["resources"]["GPU"] * kinds["gpu8"]["max_workers"]
    assert gpus == wanted.replicas * wanted.tensor_parallel_size == 8
    assert kinds["tracing"]["min_workers"] < kinds["tracing"]["max_workers"]
    assert "GPU" not in kinds["tracing"]["resources"]
    assert cluster["max_workers"] == sum(kind["max_workers"] for kind in kinds.values())


def test_the_cluster_listens_to_nobody_without_a_token(cluster):
    starts = cluster["head_start_ray_commands"] + cluster["worker_start_ray_commands"]
    assert all("RAY_AUTH_MODE=token" in command for command in starts if "ray start" in command)
    assert "--dashboard-host=127.0.0.1" in " ".join(starts)


def test_the_job_has_the_fields_of_a_ray_job(job):
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    check(job["spec"], JOB)
    spec = job["spec"]["rayClusterSpec"]
    check(spec, CLUSTER)
    assert spec["rayVersion"] == RAY
    assert spec["authOptions"] == {"mode": "token"}
    for group in spec["workerGroupSpecs"]:
        check(group, WORKERS)
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        assert re.fullmatch(r"[a-z0-9-]+", group["groupName"])
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert container["image"].endswith(f":{RAY}-{PYTHON}")
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_the_entrypoint_is_a_command_that_is_taken(job):
    python, option, module, *overrides = job["spec"]["entrypoint"].split()
    assert (python, option, module) == ("python", "-m", "ray_jobs.build_dataset")
    config = load(overrides)
    assert config.output.on_existing == "resume"
    gpus = sum(
        int(group["template"]["spec"]["containers"][0]["resources"]["limits"].get("nvidia.com/gpu", 0))
        * group["maxReplicas"]
        for group in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    )
    assert gpus == config.translator.replicas * config.translator.tensor_parallel_size


def test_a_job_that_is_stopped_has_time_to_end(cluster, job):
    (head,) = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
    (wait,) = (f"{entry['name']}={entry['value']}" for entry in head["env"])
    assert f"--env {wait}" in cluster["docker"]["run_options"]
    name, seconds = wait.split("=")
    assert name in inspect.getsource(job_supervisor)
    assert int(seconds) > JobSupervisor.DEFAULT_RAY_JOB_STOP_WAIT_TIME_S
