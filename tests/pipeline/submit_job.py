"""The job on a real cluster: ``python tests/pipeline/submit_job.py``, from the root of the project.

Starts a head and a second node on this machine, with token authentication and all ports on loopback, submits the job,
stops it with ``ray job stop``, submits it again, and takes the cluster down. Prints one JSON line with what it saw.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT), str(ROOT / "tests")]
from problem_lines import slow_line  # noqa: E402

from execground_ray.corpus.splits import SAMPLE_PATH  # noqa: E402

BIN = Path(sys.executable).parent
QUICK, SLOW = 40, 12  # problems of the sample, and such that give time to stop the job
NODE = ["--num-cpus=2", "--node-ip-address=127.0.0.1", "--object-store-memory=100000000", "--block"]
UP_SECONDS, RUN_SECONDS = 90, 180


def main():
    folder = Path(tempfile.mkdtemp(prefix="submit"))  # short: the paths of sockets are not long
    nodes = []
    try:
        token = folder / "token"
        token.write_text(secrets.token_hex(32))
        token.chmod(0o600)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        environment |= {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_JOB_STOP_WAIT_TIME_S": "60",  # a busy machine takes longer than the usual three to end a job cleanly
            "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",  # or a node of a cluster that ends waits for half a minute
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        gcs, dashboard, client, *agents = free_ports(5)
        head = ["--head", f"--port={gcs}", f"--temp-dir={folder}/ray", "--include-dashboard=true"]
        head += ["--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}"]
        nodes.append(start_node(folder, environment, agents[0], *head))
        address = f"http://127.0.0.1:{dashboard}"
        refusal = wait_for(address)
        nodes.append(start_node(folder, environment, agents[1], f"--address=127.0.0.1:{gcs}"))
        print(json.dumps(run_jobs(folder, environment, address) | {"without_token": refusal}))
    finally:
        for node in reversed(nodes):
            node.send_signal(signal.SIGTERM)
        for node in nodes:
            node.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def run_jobs(folder, environment, address):
    """Submit, stop, submit again; return what was seen."""
    output, corpus = folder / "out", folder / "problems.jsonl"
    quick = SAMPLE_PATH.read_text("utf-8").splitlines(keepends=True)[:QUICK]
    corpus.write_text("".join([*quick, *map(slow_line, range(SLOW))]), "utf-8")

    def ray(*arguments):
        command = [BIN / "ray", "job", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS)

    def submit(name, *options):
        overrides = [f"output.dir={output}", "export.rows_per_shard=5", "tracing.workers=2"]
        overrides += ["source=jsonl", f"source.path={corpus}"]
        job = ["python", "-m", "ray_jobs.build_dataset", *overrides]
        return ray("submit", f"--address={address}", "--working-dir=.", f"--submission-id={name}", *options, "--", *job)

    end = time.monotonic() + RUN_SECONDS
    submitted = submit("first", "--no-wait")
    while "No available agent" in submitted.stderr and time.monotonic() < end:  # the head answers before it is ready
        submitted = submit("first", "--no-wait")
    while not rows(output) and time.monotonic() < end:
        time.sleep(0.1)
    stopped = ray("stop", f"--address={address}", "first")
    status = ray("status", f"--address={address}", "first")
    at_stop, finished_at_stop = rows(output), (output / "summary.json").exists()
    again = submit("second")
    logs = ray("logs", f"--address={address}", "first")
    return {
        "submitted": submitted.returncode,
        "package_megabytes": package_megabytes(folder),
        "stopped": stopped.returncode,
        "status": status.stdout + status.stderr,
        "rows_at_stop": len(at_stop),
        "finished_at_stop": finished_at_stop,
        "logs_of_first": logs.stdout,
        "second": again.returncode,
        "logs_of_second": again.stdout + again.stderr,
        "ids": sorted(rows(output)),
        "summary": json.loads((output / "summary.json").read_text()) if (output / "summary.json").exists() else None,
        "token_in_output": environment_secret_in(output, Path(environment["RAY_AUTH_TOKEN_PATH"]).read_text()),
    }


def start_node(folder, environment, agent_port, *options):
    # Every Ray on a machine tries the same port for its agent, and a head whose agent has none takes no jobs.
    with (folder / "nodes.log").open("a") as log:
        command = [BIN / "ray", "start", f"--dashboard-agent-listen-port={agent_port}", *options, *NODE]
        return subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True)


def wait_for(address):
    """Wait until the job server answers; return the status of a request without a token."""
    end = time.monotonic() + UP_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/api/jobs/", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            if error.code in (401, 403):
                return error.code
        except OSError:
            pass
        time.sleep(0.3)
    raise TimeoutError(f"no job server at {address}")


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for found in sockets:
            found.bind(("127.0.0.1", 0))
        return [found.getsockname()[1] for found in sockets]


def rows(output):
    return [json.loads(line)["id"] for path in output.glob("[tr]*/*.jsonl") for line in path.read_text().splitlines()]


def package_megabytes(folder):
    """Size of what travelled: the working directory as the nodes unpacked it, without what Python compiled there."""
    found = folder.glob("ray/session_2*/runtime_resources/working_dir_files/_ray_pkg_*")
    folders = [path for path in found if path.is_dir()]
    every = folders[0].rglob("*") if folders else ()
    files = [path for path in every if path.is_file() and path.parent.name != "__pycache__"]
    unwanted = (
        [path.name for path in folders[0].iterdir() if path.name in (".git", ".venv", "tests")] if folders else []
    )
    return {"megabytes": round(sum(path.stat().st_size for path in files) / 1e6, 2), "unwanted": unwanted}


def environment_secret_in(output, secret):
    return [str(path) for path in output.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


if __name__ == "__main__":
    main()
