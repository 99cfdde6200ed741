"""What several test files share."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import snoop  # noqa: F401  (it sets limits when it is imported)
from cheap_repr import cheap_repr, find_repr_function, repr_registry, suppressed_classes

ROOT = Path(__file__).resolve().parents[1]
# Files with long runs, the longest first.
LONG = """
    test_vllm test_job_submit test_reused_output test_interrupted_run test_sample_run test_wheel test_object_store
    test_http test_storage_faults test_placement test_asked_again test_locked_down test_grown_source test_vllm_server
    test_attributed_texts test_broken_lines
""".split()
# Files that share a run of many seconds, under the name of its fixture.
TOGETHER = {
    "sample_run": "test_interrupted_run test_sample_run test_wheel".split(),
    "ray_session": """
        test_failures test_finish test_finished_problems test_presentation test_progress test_read_problems test_survey
    """.split(),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let long files begin: so the processes that test end together."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process files that share a run together, and all others one at a time."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            stem = Path(nodeid.partition("::")[0]).stem
            return next((name for name, files in TOGETHER.items() if stem in files), stem)

    return Scheduling(config, log)


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


@pytest.fixture(scope="session")
def ray_session():
    """A Ray of two CPUs in this process."""
    import ray

    from execground_ray.private.ray import start

    start(address="local", num_cpus=2, include_dashboard=False)
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
