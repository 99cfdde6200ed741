"""What the tests of tracing share: the oracle, the public sample of the corpus, and settings of workers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from snoop_oracle import SnoopOracle

from execground_ray.config.loading import load
from execground_ray.config.schema import Tracing
from execground_ray.tracing.sandbox import landlock_abi

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
HASH_SEED = 31  # of the run that made the reference traces: two of them show the order of a set


@pytest.fixture(scope="session")
def oracle() -> Iterator[SnoopOracle]:
    """Real snoop beside our tracer."""
    oracle = SnoopOracle(HASH_SEED)
    yield oracle
    oracle.close()


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """The path of a file of the corpus; skips the test where there is none."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"the corpus file {name} is not here")
        return path

    return find


@pytest.fixture(scope="session")
def paper() -> Tracing:
    """The tracing settings of the reference implementation."""
    return load(["experiment=paper"]).tracing


@pytest.fixture(scope="session")
def worker_settings(paper: Tracing) -> Callable[..., dict[str, Any]]:
    """What ``CagedWorker`` takes, by the paper's settings but for exceptions and the limits that are given."""

    def settings(*, value_chars: int = paper.value_chars, role: str = "record", **limits: Any) -> dict[str, Any]:
        defaults = {
            "max_lines": paper.max_lines,
            "result_bytes": paper.trace_bytes,
            "timeout_seconds": paper.timeout_s,
            "memory_mb": paper.memory_mb,
            "exceptions": "handled",
        }
        return {
            "caged": True,
            "role": role,
            "landlock_abi": landlock_abi(),
            "preload": list(paper.preload),
            "value_chars": value_chars,
            "limits": defaults | limits,
        }

    return settings
