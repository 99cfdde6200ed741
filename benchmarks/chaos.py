"""Whether anything is lost or comes twice when processes are killed: real kills, at moments drawn by a seed.

``python -m benchmarks.chaos --kills 20`` starts a Ray cluster of two nodes on this machine, builds the bundled sample,
with slow problems among its own so that there is time to kill, once without disturbance, and then once for each kill.
What is killed, in turn: the driver; an actor that traces; the caged process in which programs run; the second node's
raylet, with all that runs on it (another node joins then, as an autoscaler would see to). Where the job fails of it,
the same command is given again until it ends well. Afterwards:

- the ids in ``train/`` and ``rejected/`` together are those of the problems and their further examples, each once;
- ``records/`` has the same rows, each once;
- the rows are those of the undisturbed run, except for what is measured (``trace_seconds``) and the wording of details.

Prints one JSON line. ``table`` has a row for each kill: what was killed, after how many rows, exit code, and how many
starts it took. Exit code 1 if anything was lost, came twice or came out otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
from ray.cluster_utils import Cluster

from execground_ray.corpus.splits import SAMPLE_PATH

KINDS = ("driver", "tracer", "sandbox", "node")
NODE: dict[str, Any] = {"num_cpus": 2, "object_store_memory": 150 << 20}
MOST_STARTS = 4
JOB_SECONDS = 300
CORPUS = "problems.jsonl"
TRACING_SECONDS = 6.0  # for so long at least the actors have work
SLOW_EACH = 8  # after so many problems comes a slow one
TRACER = "TraceExecution"  # in the title of the actor's process


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="what to kill, in turn")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311  (chance, not secrecy)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
        try:
            cluster.add_node(**NODE)
            usual = Path(folder, "usual")
            write_corpus(Path(folder, CORPUS))
            if start(cluster.address, usual).wait(JOB_SECONDS):
                raise RuntimeError("the undisturbed run failed")
            expected = rows_of(usual)
            table = [
                one_kill(
                    cluster, Path(folder, str(number)), options.kinds[number % len(options.kinds)], chance, expected
                )
                for number in range(options.kills)
            ]
        finally:
            cluster.shutdown()
    bad = [row for row in table if row["faults"]]
    print(
        json.dumps(
            {
                "benchmark": "chaos",
                "seed": options.seed,
                "kills": len(table),
                "survived": len(table) - len(bad),
                "rows": len(expected),
                "starts": sum(row["starts"] for row in table),
                "seconds": round(time.monotonic() - started, 1),
                "table": table,
            }
        )
    )
    return 1 if bad else 0


def write_corpus(path: Path) -> None:
    """Write the sample with slow problems between its own."""
    lines = SAMPLE_PATH.read_text("utf-8").splitlines()
    for number, place in enumerate(range(len(lines), 0, -SLOW_EACH)):
        lines.insert(place, slow_line(number))
    path.write_text("\n".join(lines) + "\n", "utf-8")


def slow_line(number: int) -> str:
    """Return a problem that takes a second and a half to trace, asleep: a busy machine must not make it a timeout."""
    return json.dumps(
        {
            "problem_description": f"Wait, then add {number}.",
            "io_requirements": "n (int)",
            "refcode": f"import time\ndef main_solution(n):\n    time.sleep(0.75)\n    return n + {number}\n",
            "funcname": "main_solution",
            "ios": [{"input": {"n": n}, "output": n + number} for n in range(2)],
            "source": "synthetic",
            "category": "",
            "meta": {},
        }
    )


def one_kill(
    cluster: Any, output: Path, kind: str, chance: random.Random, expected: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Build the sample with one kill on the way; return the row of the table."""
    # Tracing is ahead of writing: when the first rows are written, there may be nothing left to trace, and no actor.
    traces = kind in ("tracer", "sandbox")
    wanted = 0 if traces else chance.randrange(len(expected) * 3 // 4)
    pause = chance.uniform(0, TRACING_SECONDS if traces else 1)
    job = start(cluster.address, output)
    try:
        written = wait_for_rows(job, output, wanted)
        time.sleep(pause)
        killed = kill(kind, cluster, job, chance)
        code = job.wait(JOB_SECONDS)
        codes = [code]
        while codes[-1] and len(codes) < MOST_STARTS:
            job = start(cluster.address, output)
            codes.append(job.wait(JOB_SECONDS))
    finally:
        job.kill()
        job.wait()
    words = Path(f"{output}.log").read_text("utf-8").splitlines()
    faults = [f"exit code {codes[-1]}: {words[-1:]}"] if codes[-1] else faults_of(output, expected)
    if not killed:
        faults.append("nothing was there to kill")
    return {
        "kill": kind,
        "process": killed,
        "after_rows": written,
        "codes": codes,
        "starts": len(codes),
        "faults": faults,
    }


def start(address: str, output: Path) -> subprocess.Popen[bytes]:
    """Start the job on the cluster; what it says goes to a file beside the output."""
    overrides = [
        "source=jsonl",
        f"source.path={output.with_name(CORPUS)}",
        f"cluster.address={address}",
        f"output.dir={output}",
        "export.rows_per_shard=8",
        "sampling.examples_per_problem=2",
        "tracing.workers=3",
        "tracing.max_timeouts=1",
    ]
    with Path(f"{output}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "ray_jobs.build_dataset", *overrides],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for_rows(job: subprocess.Popen[bytes], output: Path, wanted: int) -> int:
    """Wait until so many rows are written and an actor traces; return how many there are."""
    end = time.monotonic() + JOB_SECONDS
    while time.monotonic() < end and job.poll() is None:
        rows = sum(path.read_bytes().count(b"\n") for path in output.glob("[tr]*/*.jsonl"))
        if rows >= wanted and (rows or list(tracers())):
            return rows
        time.sleep(0.05)
    raise RuntimeError(f"the job ended, or hung, before it had {wanted} rows; its words are in {output}.log")


def kill(kind: str, cluster: Any, job: subprocess.Popen[bytes], chance: random.Random) -> str:
    """Kill one process of a kind and return its name; empty if the job was quicker."""
    if kind == "driver":
        job.kill()
        return "build_dataset"
    if kind == "node":
        node = cluster.list_all_nodes()[-1]
        cluster.remove_node(node, allow_graceful=False)
        cluster.add_node(**NODE)
        return "raylet"
    candidates: list[psutil.Process] = []
    while not candidates and job.poll() is None:
        candidates = sorted(tracers(), key=lambda process: process.pid)
        if kind == "sandbox":
            candidates = [below for process in candidates for below in children(process)]
    if not candidates:
        return ""
    chosen = chance.choice(candidates)
    try:
        name = chosen.name()
        os.kill(chosen.pid, signal.SIGKILL)
    except (psutil.Error, ProcessLookupError):
        return ""
    return str(name)


def tracers() -> list[psutil.Process]:
    """Return the processes of this user's actors that trace."""
    found = []
    for process in psutil.process_iter(["cmdline", "uids"]):
        command = process.info["cmdline"] or [""]
        mine = process.info["uids"] and process.info["uids"].real == os.getuid()
        if mine and command[0].startswith("ray::") and TRACER in command[0] and below_this(process):
            found.append(process)
    return found


def below_this(process: psutil.Process) -> bool:
    """Whether a process belongs to this benchmark, not to another Ray on this machine."""
    try:
        return any(parent.pid == os.getpid() for parent in process.parents())
    except psutil.Error:
        return False


def children(process: psutil.Process) -> list[psutil.Process]:
    """Return what an actor has started: the supervisors of the cage and what runs inside."""
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def rows_of(output: Path) -> dict[str, dict[str, Any]]:
    """Return all rows by id, without what may differ between two runs of the same seed.

    Raises:
        ValueError: an id is there twice.
    """
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(output.glob("[tr]*/*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            if row["id"] in rows:
                raise ValueError(f"{row['id']} is there twice")
            row.pop("detail", None)
            rows[row["id"]] = row
    return rows


def faults_of(output: Path, expected: dict[str, dict[str, Any]]) -> list[str]:
    """Say what is not as in the undisturbed run."""
    try:
        rows = rows_of(output)
    except ValueError as error:
        return [str(error)]
    faults = [f"{identity} is lost" for identity in expected.keys() - rows.keys()]
    faults += [f"{identity} is new" for identity in rows.keys() - expected.keys()]
    both = rows.keys() & expected.keys()
    faults += [f"{identity} differs" for identity in both if rows[identity] != expected[identity]]
    known = Counter(
        identity for path in output.glob("records/*.parquet") for identity in pq.read_table(path)["id"].to_pylist()
    )
    if known != Counter(rows.keys()):
        faults.append("records/ has other rows than the shards")
    if not json.loads((output / "summary.json").read_text())["counts_add_up"]:
        faults.append("the counts do not add up")
    return faults


if __name__ == "__main__":
    sys.exit(main())
