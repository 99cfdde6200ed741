"""What several test files share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def run_command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Run a Python command line as a user does, in an empty folder: ``run_command("-m", "ray_jobs.build_dataset")``."""

    def run(*arguments: str, timeout_s: float = 300) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def small_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small dataset as a run leaves it; not to be changed."""
    from small_output import make_output

    return make_output(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def ray_session():
    """A Ray of two CPUs in this process."""
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(autouse=True, scope="module")
def _limits_of_shown_values():
    """How much of a value is shown is set for a whole process: what one file sets is not there in the next."""
    from cheap_repr import cheap_repr, find_repr_function, repr_registry, suppressed_classes

    functions = {cheap_repr, *repr_registry.values(), *map(find_repr_function, (int, str, bytes, object))}
    saved = [dict(vars(function)) for function in functions]
    yield
    for function, before in zip(functions, saved, strict=True):
        vars(function).clear()
        vars(function).update(before)
    suppressed_classes.clear()
