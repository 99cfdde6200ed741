"""What is said of an error that ended a job: "run the same command again" only where that may help."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import ray
from ray.data.exceptions import ExecutionTimeoutError, SystemException
from ray.exceptions import (
    ActorDiedError,
    NodeDiedError,
    OutOfMemoryError,
    RayError,
    RuntimeEnvSetupError,
    UserCodeException,
    WorkerCrashedError,
)

from execground_ray.config.errors import ConfigError
from execground_ray.output.storage import OutputError
from execground_ray.tracing.sandbox import SandboxUnavailableError
from execground_ray.translators.llm.server_health import ServerError
from ray_jobs.failures import GO_ON, MENDED, NOT_AGAIN, advice, in_a_line, root_of

ROOT = Path(__file__).resolve().parents[1]
JOB = [sys.executable, "-m", "ray_jobs.build_dataset", "output.dir=out"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OutputError("the disk is full"), GO_ON),
        (ServerError("the model's server does not work"), GO_ON),
        (ConnectionResetError("the store is away"), GO_ON),
        (TimeoutError("no answer"), GO_ON),
        (NodeDiedError("a node was lost"), GO_ON),
        (WorkerCrashedError(), GO_ON),
        (OutOfMemoryError("others took it"), GO_ON),
        (ActorDiedError(), GO_ON),
        (ExecutionTimeoutError("nothing moves"), GO_ON),
        (PermissionError("not yours"), MENDED),
        (SandboxUnavailableError("no worker starts"), MENDED),
        (OSError("corpus.jsonl.gz: truncated"), MENDED),
        (KeyError("id"), NOT_AGAIN),
        (AssertionError(), NOT_AGAIN),
        (RuntimeError("the corpus changed"), NOT_AGAIN),
        (RuntimeEnvSetupError("no such package"), NOT_AGAIN),
        (RayError("an exception that cannot travel"), NOT_AGAIN),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_that_may_pass_and_one_that_cannot(error, said):
    assert advice(error) == said


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("kind", [OutputError, KeyError, ConfigError, PermissionError, RuntimeError])
def test_what_ray_wraps_is_told_by_its_own_kind(kind):
    def fail():
        raise kind("as it is")

    with pytest.raises(kind) as caught:
        ray.get(ray.remote(max_retries=0)(fail).remote())
    wrapped = caught.value
    wrapped.__cause__ = SystemException()  # as Ray Data does
    outer = UserCodeException("of a stage")
    outer.__cause__ = wrapped
    for error in (kind("as it is"), wrapped, outer):
        assert type(root_of(error)) is kind
        assert root_of(error).args == ("as it is",)
    assert in_a_line(root_of(outer)) is (kind not in (KeyError, RuntimeError))


@pytest.mark.usefixtures("ray_session")
def test_an_actor_that_cannot_begin_will_not_the_next_time():
    class Actor:
        def __init__(self):
            raise ValueError("no such model")

        def ask(self):
            return 1

    with pytest.raises(ActorDiedError) as caught:
        ray.get(ray.remote(Actor).remote().ask.remote())
    assert advice(root_of(caught.value)) == NOT_AGAIN


REFUSED = {
    "long": (["TMPDIR={long}"], [], "where Ray keeps its sockets, is .* characters too long; allowed: RAY_TMPDIR"),
    "foreign": (["RAY_TMPDIR=/proc"], [], "Ray's folder '/proc/ray' cannot be written to: .*; allowed: RAY_TMPDIR"),
    "offline": (["HF_HUB_OFFLINE=1"], ["source=huggingface", "source.path=owner/name"], "source: .*owner/name.*Hub"),
    "addresses": (["LIMIT=8000000"], [], "ulimit -v is 8000000, and .*; allowed: ulimit -v unlimited, or [0-9]+ or"),
}


@pytest.mark.parametrize(("environment", "overrides", "message"), REFUSED.values(), ids=REFUSED)
def test_where_a_run_can_never_begin_one_line_says_so(tmp_path, environment, overrides, message):
    long = tmp_path / ("x" * 60)
    long.mkdir()
    changed = dict(text.format(long=long).split("=") for text in environment)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    limited = ["bash", "-c", 'ulimit -v "${LIMIT:-unlimited}"; exec "$@"', "bash", *JOB, *overrides]
    kept |= {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        limited, cwd=tmp_path, env=kept | changed, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert re.match(f"error: .*{message}", line)
    assert not (tmp_path / "out" / "train").exists()
