"""What a job that starts its own Ray opens to others: nothing beyond loopback, nothing to the programs it runs."""

import json
import re
from pathlib import Path

import psutil
import pytest
from job import living_below
from problem_lines import problem_line
from unlucky_model import problem, serve

from execground_ray.config.loading import load
from execground_ray.records import Problem
from execground_ray.tracing.trace_runner import Failure, TraceRunner

SECRET = "xK9-secret-of-the-environment"
CONNECT = (
    "import socket\ndef main_solution(n):\n    found = socket.socket()\n    return found.connect_ex(('127.0.0.1', n))\n"
)
UNIX = (
    "import socket\ndef main_solution(path):\n"
    "    found = socket.socket(socket.AF_UNIX)\n    return found.connect_ex(path)\n"
)
READ = "def main_solution(path):\n    with open(path, 'rb') as file:\n        return len(file.read(1))\n"


@pytest.fixture(scope="module")
def seen(start_job, tmp_path_factory):
    """What was open while the job ran, what programs in the cage reached of it, and where the output is."""
    folder = tmp_path_factory.mktemp("locked")
    corpus = folder / "problems.jsonl"
    corpus.write_text("".join(f"{json.dumps(problem(number))}\n" for number in range(32)))
    before = living_below(None)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"):
            patch.setenv(name, SECRET)
        with serve(seconds=0.3) as model:  # on a busy machine too it is not done before it is looked at
            overrides = ["source=jsonl", f"source.path={corpus}", "cluster.num_cpus=2", "export.rows_per_shard=4"]
            overrides += ["translator=http", f"translator.url={model.url}", "translator.concurrency=1"]
            job = start_job(f"output.dir={folder / 'out'}", *overrides)
            job.wait_until(lambda: list((folder / "out").glob("train/*")))
            with model.lock:  # it gives no more answers
                listening, sockets, store = open_doors(living_below(None) - before)
                attempts = [("connect", CONNECT, "n", port) for _, _, port in listening]
                attempts += [("unix", UNIX, "path", path) for path in sockets]
                attempts += [("read", READ, "path", path) for path in store]
                with TraceRunner(load(["tracing.preload=[]"]).tracing, caged=True) as runner:
                    caged = [reached(runner, *attempt[1:]) for attempt in attempts]
                assert not (folder / "out" / "summary.json").exists()
            ended = job.wait()
    return {
        "listening": listening,
        "attempts": attempts,
        "caged": caged,
        "ended": ended,
        "folder": folder,
    }


def open_doors(pids):
    """The TCP ports, sockets and shared memory of some processes."""
    listening, sockets, store = [], set(), set()
    for pid in pids:
        try:
            process = psutil.Process(pid)
            for found in process.net_connections("all"):
                if isinstance(found.laddr, str) and "ray" in found.laddr:
                    sockets.add(found.laddr)
                elif found.status == psutil.CONN_LISTEN:
                    listening.append((process.name(), found.laddr.ip, found.laddr.port))
            store.update(
                mapped.path for mapped in process.memory_maps() if re.match(r"/dev/shm/plasma|/tmp/plasma", mapped.path)
            )
        except psutil.Error:
            continue
    return listening, sorted(sockets), sorted(path for path in store if Path(path).exists())


def reached(runner, code, argument, value):
    """Whether a program gets through, as it says itself."""
    record = json.loads(problem_line(1))
    record |= {"refcode": code, "ios": [{"input": {argument: value}, "output": 1 if code is READ else 0}]}
    found = runner.trace_problem(Problem.from_json(json.dumps(record)), [0], 1)
    return not isinstance(found, Failure)


def test_ray_listens_on_loopback_only(seen):
    assert len(seen["listening"]) >= 5
    assert {ip.removeprefix("::ffff:") for _, ip, _ in seen["listening"]} == {"127.0.0.1"}


def test_there_is_no_dashboard(seen):
    assert 8265 not in [port for _, _, port in seen["listening"]]


def test_programs_reach_none_of_them(seen):
    assert "connect" in {kind for kind, *_ in seen["attempts"]}
    through = [attempt[3] for attempt, open_ in zip(seen["attempts"], seen["caged"], strict=True) if open_]
    assert through == []


def test_secrets_of_the_environment_are_nowhere(seen):
    assert seen["ended"].code == 0, seen["ended"].stderr
    assert SECRET not in seen["ended"].stdout + seen["ended"].stderr
    files = [path for path in (seen["folder"] / "out").rglob("*") if path.is_file()]
    assert {"summary.json", "report.html", "config.yaml"} <= {path.name for path in files}
    for path in files:
        assert SECRET.encode() not in path.read_bytes()
