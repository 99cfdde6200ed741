"""What is used of libraries beyond what they promise stands in one place, and is missed aloud when it is gone."""

import ast
import sys
from importlib import import_module
from importlib.metadata import requires, version
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
from packaging.requirements import Requirement

from execground_ray import private
from execground_ray.config.errors import ConfigError
from execground_ray.private import checking
from execground_ray.private import ray as private_ray
from ray_jobs import build_dataset

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("ray", "vllm", "sandlock", "cheap_repr", "datasets", "hydra", "omegaconf", "snoop")
# Without a promise, though their names do not say so.
UNPROMISED = ("datasets.packaged_modules", "ray.data.exceptions.SystemException", "vllm.sampling_params")
MODULES = sorted(path.stem for path in Path(private.__file__).parent.glob("[!_]*.py") if path.stem != "checking")


def private_names(path):
    """The names of libraries that a file imports and nobody promises, and attributes of a module that begin so."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = [f"{node.value.id}.{node.attr}"]
        for name in names:
            first, *rest = name.split(".")
            if first in LIBRARIES and (any(part.startswith("_") for part in rest) or name.startswith(UNPROMISED)):
                found.append(name)
    return found


def test_nobody_else_imports_a_private_name():
    files = [path for folder in ("execground_ray", "ray_jobs", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix(): private_names(path) for path in files}
    assert {name.split("/")[1] for name, names in found.items() if names} == {"private"}
    used = [name for name in found if found[name]]
    assert sorted(Path(name).stem for name in used) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_every_name_is_there_in_the_version_that_is_installed(name):
    if name == "ray_vllm":
        pytest.importorskip("vllm")
    library = name.partition("_")[0] if name.startswith("ray") else name
    try:
        import_module(f"execground_ray.private.{name}")
        private_ray.check_names()
    except (ImportError, ConfigError) as error:
        pytest.fail(f"{library} {version(library)}: {error}")


def test_the_versions_are_held():
    """To the digit, or to those before the next that may change anything."""
    held = {Requirement(text).name: Requirement(text).specifier for text in requires("execground-ray")}
    for library in ("ray", "sandlock", "cheap_repr", "datasets", "hydra-core"):
        assert any(each.operator in ("==", "<") for each in held[library]), library


def test_the_vllm_stage_is_what_is_overridden():
    """By its source: the module itself needs vLLM."""
    folder = Path(ray.__file__).parent / "llm/_internal/batch/stages"
    (stage,) = [
        node
        for node in ast.parse((folder / "vllm_engine_stage.py").read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "vLLMEngineStageUDF"
    ]
    calls = {node.attr for node in ast.walk(stage) if isinstance(node, ast.Attribute)}
    assert {"_generate_with_error_handling", "IDX_IN_BATCH_COLUMN", "llm"} <= calls
    assert "_generate_with_error_handling" in {node.name for node in stage.body if hasattr(node, "name")}


def policy(reads):
    """A class as Ray has it, or one that sets the threshold and reads another."""
    if reads:
        return type("Policy", (), {"THRESHOLD": 1, "method": lambda self: [self.THRESHOLD for _ in range(2)]})
    return type("Policy", (), {"THRESHOLD": 1, "method": lambda self: self.LIMIT})


def test_a_name_that_is_gone_or_not_read_is_told_with_the_version():
    checking.require("ray", policy(reads=True), "THRESHOLD")
    checking.require_reader("ray", policy(reads=True), "THRESHOLD")
    words = rf"ray {version('ray')} has no .*Policy\.THRESHOLD any more, .*; allowed: the version of ray that pyproject"
    with pytest.raises(ConfigError, match=words):
        checking.require_reader("ray", policy(reads=False), "THRESHOLD")
    with pytest.raises(ConfigError, match=words):
        checking.require("ray", type("Policy", (), {}), "THRESHOLD")


def unread(monkeypatch):
    deaf = type("Policy", (), {private_ray.THRESHOLD: 1})
    monkeypatch.setattr(private_ray, "DownstreamCapacityBackpressurePolicy", deaf)
    monkeypatch.setattr(private_ray, "ENABLED_BACKPRESSURE_POLICIES", [deaf])


def unnamed(monkeypatch):
    monkeypatch.delattr(private_ray.DownstreamCapacityBackpressurePolicy, private_ray.THRESHOLD)


def unused(monkeypatch):
    monkeypatch.setattr(private_ray, "ENABLED_BACKPRESSURE_POLICIES", [])


def open_to_all(monkeypatch):
    monkeypatch.setattr(private_ray, "ray_constants", SimpleNamespace(ENABLE_RAY_CLUSTERS_ENV_VAR="RAY_CLUSTERS"))


@pytest.mark.parametrize("change", [unread, unnamed, unused, open_to_all])
def test_what_would_fail_in_silence_is_looked_for_before_a_job_starts(monkeypatch, change):
    private_ray.check_names()
    assert build_dataset.LOOPBACK_ONLY == private_ray.LOOPBACK_VARIABLE  # set where Ray is not loaded yet
    change(monkeypatch)
    with pytest.raises(ConfigError, match=r"^ray .* any more"):
        private_ray.check_names()


def test_a_setting_that_ray_does_not_know_is_not_given_to_it(monkeypatch):
    assert private_ray.start_settings(5) == {"_system_config": {private_ray.IDLE_SETTING: 5}}
    monkeypatch.setattr(private_ray, "IDLE_SETTING", "idle_worker_killing_time_threshold_xx")
    with pytest.raises(ConfigError, match="has no setting idle_worker"):
        private_ray.start_settings(5)


@pytest.mark.parametrize(("address", "alone"), [("127.0.0.1", True), ("10.0.0.7", False)])
def test_a_ray_that_listens_elsewhere_is_not_used(monkeypatch, address, alone):
    monkeypatch.setattr(ray, "nodes", lambda: [{"NodeManagerAddress": address}])
    if alone:
        private_ray.check_on_loopback()
        return
    with pytest.raises(ConfigError, match="listens beyond 127"):
        private_ray.check_on_loopback()


def test_the_stage_of_a_processor_is_replaced_by_fields_that_it_has(monkeypatch):
    from ray.llm._internal.batch.stages.base import StatefulStage

    fields = dict(StatefulStage.model_fields)
    del fields["fn_constructor_kwargs"]
    monkeypatch.setattr(StatefulStage, "__pydantic_fields__", fields)
    monkeypatch.delitem(sys.modules, "execground_ray.private.ray_llm", raising=False)
    with pytest.raises(ConfigError, match=r"ray .* has no StatefulStage\.fn_constructor_kwargs any more"):
        import_module("execground_ray.private.ray_llm")
