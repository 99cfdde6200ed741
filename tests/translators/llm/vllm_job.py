"""The job with vLLM's engine, on its CPU build with a tiny model, in a process of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

from corpus_of_marks import read_output

HERE = Path(__file__).parent
ENVIRONMENT = {
    "PYTHONPATH": f"{HERE.parents[2]}:{HERE}",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",  # more would wait for each other, spinning
    "HF_HUB_OFFLINE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the worker lives in the core: one import of torch less for each engine
    "VLLM_NO_USAGE_STATS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
MAX_MODEL_LEN = 2048
JOB = (
    "translator=vllm translator.device=cpu translator.enable_thinking=false translator.sampling_params.max_tokens=24 "
    "translator.attempts=1 "
    f"translator.max_model_len={MAX_MODEL_LEN} translator.batch_rows=4 translator.batches_in_flight=4 "
    "+translator.engine_kwargs.enforce_eager=true +translator.engine_kwargs.max_num_seqs=16 "
    "source=jsonl cluster.num_cpus=2 tracing.workers=1 verification.mode=score"
).split()


class Job:
    """The job in a process of its own, with its output going to a file."""

    started: ClassVar[list["Job"]] = []

    def __init__(self, folder: Path, model: Path, *overrides: str, environment: dict[str, str] | None = None):
        self.folder = folder
        self.log = folder / "log"
        paths = [f"translator.model={model}", f"source.path={folder}/problems.jsonl", f"output.dir={folder}/out"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ray_jobs.build_dataset", *JOB, *paths, *overrides],
            cwd=folder,
            env=os.environ | ENVIRONMENT | {"TROUBLE_FOLDER": str(folder)} | (environment or {}),
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
        )
        Job.started.append(self)

    def wait(self, timeout_s: float = 900) -> int:
        return self.process.wait(timeout_s)

    def text(self) -> str:
        return self.log.read_text()

    def engines(self) -> list:
        """The actors that hold an engine, as processes."""
        import psutil

        found = []
        for process in psutil.process_iter(["cmdline"]):
            command = " ".join(process.info["cmdline"] or ())
            if "MapBatches(Engine)" in command and self._is_ours(process):
                found.append(process)
        return found

    def _is_ours(self, process) -> bool:
        import psutil

        try:
            return any(f"_{self.process.pid}/" in " ".join(parent.cmdline()) for parent in process.parents())
        except psutil.Error:
            return False

    def wait_for(self, condition, timeout_s: float = 900):
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.2)
        return found

    def rows(self) -> tuple[list[dict], list[dict]]:
        train, rejected = read_output(self.folder / "out")
        ids = [row["id"] for row in train + rejected]
        assert len(set(ids)) == len(ids) == len((self.folder / "problems.jsonl").read_text().splitlines())
        return train, rejected
