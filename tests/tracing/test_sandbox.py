"""The cage itself: on which machines it starts, how it fails, and that it leaves nothing behind however it ends."""

import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hostile_programs import PROGRAMS, HostileProgram, as_problem
from hostile_target import children, is_running, state, wait_until, worker_pids

from execground_ray.config.loading import load
from execground_ray.config.schema import Tracing
from execground_ray.records import Reason
from execground_ray.tracing import sandbox, worker
from execground_ray.tracing.running import TRIES_AFTER_FAULT
from execground_ray.tracing.sandbox import SandboxUnavailableError, missing_protections
from execground_ray.tracing.trace_runner import Failure, TraceRunner

ROOT = Path(__file__).resolve().parents[2]
HALF_A_SECOND = as_problem("import time\ndef main_solution():\n    time.sleep(0.5)\n    return 1\n", {}, 1)
JOB = """
import sys
sys.path[:0] = sys.argv[1:]
from hostile_programs import as_problem
from execground_ray.config.loading import load
from execground_ray.tracing.trace_runner import TraceRunner
runner = TraceRunner(load(["tracing.timeout_s=300"]).tracing, caged=True)
code = "import os, time\\nos.setsid()\\ntime.sleep(300)\\ndef main_solution():\\n    return 1\\n"
runner.trace_problem(as_problem(code, {}, 1), [0])
"""


@pytest.fixture(scope="module")
def tracing() -> Tracing:
    return load(["tracing.timeout_s=20", "tracing.memory_mb=256", "tracing.preload=[]"]).tracing


@pytest.fixture(scope="module")
def uncaged(tracing: Tracing) -> Iterator[TraceRunner]:
    with TraceRunner(tracing, caged=False) as runner:
        yield runner


def test_kernel_without_landlock_cages_nothing() -> None:
    with pytest.raises(SandboxUnavailableError, match=r"Linux 5\.13 .* sandbox=none"):
        missing_protections(0)


@pytest.mark.parametrize(
    ("abi", "missing"),
    [
        (1, "fs_refer fs_truncate net_tcp fs_ioctl_dev signal_scope abstract_unix_socket_scope"),
        (2, "fs_truncate net_tcp fs_ioctl_dev signal_scope abstract_unix_socket_scope"),
        (3, "net_tcp fs_ioctl_dev signal_scope abstract_unix_socket_scope"),
        (4, "fs_ioctl_dev signal_scope abstract_unix_socket_scope"),
        (5, "signal_scope abstract_unix_socket_scope"),
        (6, ""),
        (7, ""),
    ],
)
def test_older_kernels_say_what_they_do_not_enforce(abi: int, missing: str) -> None:
    assert missing_protections(abi) == missing.split()


def test_no_program_runs_where_there_is_no_landlock(tracing: Tracing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execground_ray.tracing.trace_runner.landlock_abi", lambda: 0)
    with TraceRunner(tracing, caged=True) as runner, pytest.raises(SandboxUnavailableError):
        runner.trace_problem(HALF_A_SECOND, [0])
    assert worker_pids() == []


@pytest.mark.parametrize("program", [program for program in PROGRAMS if program.is_twin], ids=lambda twin: twin.name)
def test_harmless_programs_run_without_a_cage(program: HostileProgram, uncaged: TraceRunner) -> None:
    found = uncaged.trace_problem(program.problem({}), [0])
    assert not isinstance(found, Failure), found


@contextmanager
def during_runs(action: Callable[[int], int | None], times: int) -> Iterator[None]:
    """Do something to a worker while it runs a program, for the first so many runs; it, or what is returned, ends."""

    def act() -> None:
        for _ in range(times):
            worker = wait_until(lambda: next((pid for pid in worker_pids() if running(pid)), 0))
            ending = action(worker) or worker
            wait_until(lambda ending=ending: not is_running(ending))

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_worker_killed_during_a_run_is_not_blamed_on_the_row(tracing: Tracing) -> None:
    with TraceRunner(tracing, caged=True) as runner, during_runs(kill, times=1):
        found = runner.trace_problem(HALF_A_SECOND, [0])
        assert not isinstance(found, Failure), found


def running(worker: int) -> list[int]:
    """The runs of a worker, without one that was killed and is not collected yet."""
    return [run for run in children(worker) if is_running(run)]


def kill_run(worker: int) -> int:
    (run,) = running(worker)
    wait_until(lambda: state(run) == "S")  # the program sleeps; before it begins, its end would be the sandbox's fault
    kill(run)
    return run


def test_run_that_is_killed_once_is_not_blamed_on_the_row(tracing: Tracing) -> None:
    with TraceRunner(tracing, caged=True) as runner, during_runs(kill_run, times=1):
        found = runner.trace_problem(HALF_A_SECOND, [0])
        assert not isinstance(found, Failure), found
    with TraceRunner(tracing, caged=True) as runner, during_runs(kill_run, times=2):
        found = runner.trace_problem(HALF_A_SECOND, [0])
        assert isinstance(found, Failure) and found.reason is Reason.KILLED, found


def test_worker_that_hangs_during_a_run_is_replaced(tracing: Tracing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "GRACE_SECONDS", 0.0)
    with TraceRunner(replace(tracing, timeout_s=1), caged=True) as runner:
        with during_runs(lambda pid: os.kill(pid, signal.SIGSTOP), times=1):
            found = runner.trace_problem(HALF_A_SECOND, [0])
        assert not isinstance(found, Failure), found


def left_behind() -> tuple[list[int], set[Path], int]:
    return worker_pids(), set(Path("/proc/self/fd").iterdir()), threading.active_count()


def test_fault_that_lasts_is_named_and_leaves_nothing(tracing: Tracing) -> None:
    before = left_behind()
    with TraceRunner(tracing, caged=True) as runner:
        with during_runs(kill, times=1 + TRIES_AFTER_FAULT):
            found = runner.trace_problem(HALF_A_SECOND, [0])
        assert isinstance(found, Failure) and found.reason is Reason.SANDBOX_FAULT
        assert not isinstance(runner.trace_problem(HALF_A_SECOND, [0]), Failure)
    assert left_behind() == before


def test_whoever_starts_a_worker_keeps_all_rights(tracing: Tracing, tmp_path: Path) -> None:
    with TraceRunner(tracing, caged=True) as runner:
        assert not isinstance(runner.trace_problem(HALF_A_SECOND, [0]), Failure)
        assert worker_pids()
        tmp_path.joinpath("mine").write_text("mine")
        subprocess.run([sys.executable, "-c", f"open({str(tmp_path / 'its child')!r}, 'w')"], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["its child", "mine"]


def test_job_that_is_killed_leaves_nothing_running() -> None:
    job = subprocess.Popen([sys.executable, "-c", JOB, str(ROOT), str(Path(__file__).parent)])
    try:
        (worker,) = wait_until(lambda: children(job.pid))
        (run,) = wait_until(lambda: children(worker))
        wait_until(lambda: os.getpgid(run) == run)  # it is confined and runs the program
    finally:
        job.kill()
        job.wait()
    wait_until(lambda: not is_running(worker) and not is_running(run))


@pytest.mark.parametrize(("seconds_of_work", "in_time"), [(1.0, True), (0.0, False)], ids=["starved", "asleep"])
def test_a_run_may_wait_for_its_turn_but_not_sleep(seconds_of_work, in_time):
    """By the clock both have gone on for longer than they may; only one of them has done so by working."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        end = time.monotonic() + 1
        while time.process_time() < seconds_of_work and time.monotonic() < end:
            pass
        time.sleep(max(0, end - time.monotonic()))
        os.write(writing, b"done")
        os._exit(0)
    os.close(writing)
    try:
        expected = (b"done", True) if in_time else (b"", False)
        assert worker._read_all(reading, 100, 0.2, lambda: worker._cpu_seconds(pid)) == expected
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_packages_may_be_installed_elsewhere_than_with_the_interpreter(tmp_path: Path) -> None:
    """As by ``pip install --user`` or ``--target``."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    program = (
        "from hostile_programs import as_problem\nfrom execground_ray.config.loading import load\n"
        "from execground_ray.tracing.trace_runner import TraceRunner\n"
        "with TraceRunner(load([]).tracing, caged=True) as runner:\n"
        "    print(runner.trace_problem(as_problem('def main_solution():\\n    return 7\\n', {}, 7), [0])[0].output)\n"
    )
    paths = [str(ROOT), str(ROOT / "tests" / "tracing"), sysconfig.get_path("purelib")]
    ended = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", "-c", program],
        env={"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stdout == "7\n", ended.stderr
