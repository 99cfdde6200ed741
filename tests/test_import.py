"""Importing the package is cheap: nothing heavy is loaded, nothing is started."""

import json

import pytest

HEAVY = ["ray", "torch", "vllm", "datasets", "transformers", "pyarrow", "pandas", "numpy"]


@pytest.mark.parametrize("module", ["execground_ray", "execground_ray.config.schema", "ray_jobs.build_dataset"])
def test_import_loads_nothing_heavy(run_command, module):
    result = run_command("-c", f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))")
    loaded = json.loads(result.stdout)
    assert module in loaded
    assert not set(HEAVY) & set(loaded)


def test_importing_the_schemas_does_not_load_hydra(run_command):
    result = run_command("-c", "import sys, execground_ray.config; print('hydra' in sys.modules)")
    assert result.stdout.strip() == "False"
