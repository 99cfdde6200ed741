"""What several test files share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import snoop  # noqa: F401  (it sets limits when it is imported)
from cheap_repr import cheap_repr, find_repr_function, repr_registry, suppressed_classes

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


# How much of a value is shown is set for a whole process: what one file of tests sets is not there for the next.
SHOWERS = {cheap_repr, *repr_registry.values(), *map(find_repr_function, (int, str, bytes, object))}
LIMITS = {shower: dict(vars(shower)) for shower in SHOWERS}


@pytest.fixture(autouse=True, scope="module")
def _limits_of_shown_values():
    for shower, limits in LIMITS.items():
        vars(shower).clear()
        vars(shower).update(limits)
    suppressed_classes.clear()
