"""Whether tracing keeps 8 GPUs busy: the whole stream on 8 GPUs that exist only in Ray's books.

``python -m benchmarks.gpu_simulation --source FILE.jsonl --limit 500 --scale 0.25`` (in ``.venv-vllm``) runs the real
stream, tracing and all, with engines that load no model, but take the time that a real one takes: tokens flow at a
fixed rate, shared by all rows inside, and no row is faster than a real one alone. ``--scale`` slows the engines down,
to fit the CPUs at hand: a machine with 2 CPUs and engines at a quarter of their speed is as one with 8 CPUs and whole
engines.

Where the numbers come from:

- Tokens per second of one H100, prompt and answer together: 2,353 of Qwen3-32B in 16 bits under vLLM 0.11, with
  ShareGPT's lengths (https://docs.gpustack.ai/2.0/performance-lab/qwen3-32b/h100). ``--tokens-per-second 4285`` is
  what TensorRT-LLM does with FP8 there, the best case: the faster the engines, the harder they are to feed. An engine
  of two GPUs is taken for two of those.
- Lengths: the prompts are those of the real traces; the texts' lengths are those of 22
  texts that a model wrote of traces, and there is no thinking, which would only give tracing more time.
  A token is 3.5 characters.

Prints one JSON line. ``busy`` is the share of the time in which an engine has work, ``full`` the share of its tokens
per second that it uses; both of the least busy engine, from the first row that any engine gets to the last one, after
which the engines run empty, whatever feeds them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import ray

from execground_ray import pipeline
from execground_ray.cluster import plan_tracing
from execground_ray.config.loading import load, to_yaml
from execground_ray.config.schema import Config, VllmTranslator
from execground_ray.corpus.survey import map_on_ray, survey_corpus
from execground_ray.estimate.estimate import GPU_TOKENS_PER_SECOND
from execground_ray.estimate.sample import CHARACTERS_PER_TOKEN
from execground_ray.output.layout import CONFIG, new_run
from execground_ray.output.record_split import open_source
from execground_ray.output.storage import Folder
from execground_ray.private.ray import memory_summary
from execground_ray.private.ray_llm import StatefulStageUDF
from execground_ray.progress import Progress
from execground_ray.translators.llm import engine
from execground_ray.translators.llm.processor import ANSWER, ERROR
from execground_ray.translators.llm.resampling import Attempt, write_attempts
from execground_ray.translators.llm.vllm import VllmModel
from execground_ray.translators.translator import Answer

ROW_TOKENS_PER_SECOND = 40.0  # of one row alone: 25 ms a token
MAX_ROWS = 256  # that an engine works on at a time, if nothing is said; vLLM's own
PROMPT_CHARACTERS = 1300  # of the prompt's own words
TEXT_CHARACTERS = (
    *(774, 803, 820, 847, 878, 887, 898, 977, 1018, 1026, 1047),
    *(1068, 1162, 1220, 1222, 1225, 1347, 1350, 1361, 1364, 1407, 1450),
)
TICK_SECONDS = 0.05


class Collector:
    """Gathers what the engines did, second by second."""

    def __init__(self) -> None:
        self.engines: dict[str, dict[str, Any]] = {}

    def put(self, name: str, ticks: list[tuple[float, float]], arrivals: list[float]) -> None:
        """Add what an engine did: its load at points in time, negative without work, and when rows came."""
        found = self.engines.setdefault(name, {"ticks": [], "arrivals": []})
        found["ticks"] += ticks
        found["arrivals"] += arrivals

    def read(self) -> list[dict[str, Any]]:
        """Return what each engine did."""
        return list(self.engines.values())


class SimulatedEngine(StatefulStageUDF):
    """Takes the time of a real engine; the texts are made of nothing."""

    def __init__(self, data_column: str, expected_input_keys: list[str], log: Any, **stage: Any) -> None:
        super().__init__(data_column, expected_input_keys)
        settings = stage["engine_kwargs"]["additional_config"]
        self._speed = settings["scale"]
        gpus, speed = stage["engine_kwargs"]["tensor_parallel_size"], settings["tokens_per_second"]
        self._capacity = settings["scale"] * speed * gpus
        self._max_rows = stage["engine_kwargs"].get("max_num_seqs", MAX_ROWS)
        self._collector: Any = ray.get_actor("collector", namespace="simulation")
        self._log = log
        self._name = ray.get_runtime_context().get_actor_id()
        self._rows: dict[int, list[float]] = {}  # tokens left, tokens per second at most
        self._ended: dict[int, asyncio.Event] = {}
        self._next = 0
        self._arrivals: list[float] = []
        self._clock: asyncio.Task[None] | None = None
        time.sleep(settings["load_seconds"])

    async def udf(self, batch: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override, misc]
        """Answer all rows of a batch at once."""
        self._clock = self._clock or asyncio.create_task(self._run())
        for answer in asyncio.as_completed([self._answer(row) for row in batch]):
            yield await answer

    async def _answer(self, row: dict[str, Any]) -> dict[str, Any]:
        traced = json.loads(row["row"])
        question = json.loads(traced["problem"])
        shown = len(traced["trace"]) + len(question["refcode"]) + len(question["problem_description"])
        prompt = (PROMPT_CHARACTERS + shown) / CHARACTERS_PER_TOKEN
        text = TEXT_CHARACTERS[row["sampling_params"]["seed"] % len(TEXT_CHARACTERS)] / CHARACTERS_PER_TOKEN
        number, self._next = self._next, self._next + 1
        self._rows[number] = [prompt + text, (prompt + text) / text * ROW_TOKENS_PER_SECOND * self._speed]
        self._ended[number] = asyncio.Event()
        self._arrivals.append(time.time())
        await self._ended[number].wait()
        del self._ended[number]
        answer = Answer("A text.", prompt_tokens=int(prompt), generated_tokens=int(text))
        self._log.end.remote(row["id"], self._name, answer.prompt_tokens, answer.generated_tokens)
        return {
            self.IDX_IN_BATCH_COLUMN: row[self.IDX_IN_BATCH_COLUMN],
            ERROR: "",
            ANSWER: write_attempts([Attempt(answer, {})]),
        }

    async def _run(self) -> None:
        last = time.time()
        ticks: list[tuple[float, float]] = []
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.time()
            budget = (now - last) * self._capacity
            working = list(self._rows)[: self._max_rows]
            used = 0.0
            for number in working:
                row = self._rows[number]
                step = min(row[0], budget / len(working), row[1] * (now - last))
                row[0] -= step
                used += step
                if row[0] <= 1e-6:
                    del self._rows[number]
                    self._ended[number].set()
            ticks.append((now, used / budget if working else -1.0))
            last = now
            if len(ticks) >= 1 / TICK_SECONDS:
                self._collector.put.remote(self._name, ticks, self._arrivals)
                ticks, self._arrivals = [], []


class Watch(threading.Thread):
    """Looks every second at the object store and at the CPU time of tracing."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most_stored_mb = 0.0
        self.spilled = False
        self.tracing_cpu_seconds = 0.0
        self.ended = threading.Event()

    def run(self) -> None:
        """Look until ``ended`` is set."""
        while not self.ended.wait(1.0):
            text = memory_summary(stats_only=True)
            used = re.search(r"Plasma memory usage (\d+) MiB", text)
            self.most_stored_mb = max(self.most_stored_mb, float(used[1]) if used else 0.0)
            self.spilled |= "Spilled" in text
            self.tracing_cpu_seconds = max(self.tracing_cpu_seconds, tracing_cpu_seconds())


def tracing_cpu_seconds() -> float:
    """CPU time of the tracing actors of this session, with all that they have started."""
    seconds = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "TraceExecution" in " ".join(process.cmdline()):
                for member in (process, *process.children(recursive=True)):
                    times = member.cpu_times()
                    seconds += times.user + times.system + times.children_user + times.children_system
        except psutil.Error:
            continue
    return seconds


def measure(engines: list[dict[str, Any]]) -> dict[str, float]:
    """Return the shares of the least busy engine, and how long and how much the engines were fed."""
    arrivals = sorted(when for found in engines for when in found["arrivals"])
    first, last = arrivals[0], arrivals[-1]
    shares = []
    for found in engines:
        fed = [share for when, share in found["ticks"] if first <= when <= last]
        shares.append((sum(share >= 0 for share in fed) / len(fed), sum(max(share, 0) for share in fed) / len(fed)))
    return {
        "busy": round(min(busy for busy, _ in shares), 3),
        "full": round(min(full for _, full in shares), 3),
        "fed_seconds": round(last - first, 1),
        "rows": len(arrivals),
    }


def main() -> None:
    """Run the stream once and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--cpus", type=int, default=psutil.cpu_count())
    parser.add_argument("--scale", type=float, default=0.25)
    parser.add_argument("--tokens-per-second", type=float, default=GPU_TOKENS_PER_SECOND)
    parser.add_argument("--load-seconds", type=float, default=30.0)
    parser.add_argument("--store-mb", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(simulate(arguments, make_config(arguments, Path(folder)))))


def make_config(arguments: argparse.Namespace, folder: Path) -> Config:
    """The configuration of ``cluster=gpu8``, with a model that is only a tokenizer."""
    from tests.translators.llm.tiny_model import make_tokenizer

    make_tokenizer(folder / "model")
    engine_settings = {
        "scale": arguments.scale,
        "load_seconds": arguments.load_seconds,
        "tokens_per_second": arguments.tokens_per_second,
    }
    written = ",".join(f"{name}:{value}" for name, value in engine_settings.items())
    return load(
        [
            "translator=vllm",
            "cluster=gpu8",
            f"translator.model={folder}/model",
            "translator.max_model_len=40960",
            f"+translator.engine_kwargs.additional_config={{{written}}}",
            "source=jsonl",
            f"source.path={arguments.source}",
            f"source.limit={arguments.limit}",
            f"output.dir={folder}/out",
            "verification.mode=score",
        ]
    )


def simulate(arguments: argparse.Namespace, config: Config) -> dict[str, Any]:
    """Run the stream with simulated engines."""
    engine.Engine = SimulatedEngine  # type: ignore[misc, assignment]
    ray.init(
        address="local",
        namespace="simulation",
        num_cpus=arguments.cpus,
        num_gpus=8,
        object_store_memory=arguments.store_mb * 2**20,
        include_dashboard=False,
        log_to_driver=False,
    )
    collector: Any = ray.remote(num_cpus=0)(Collector).options(name="collector").remote()
    assert isinstance(config.translator, VllmTranslator)
    model = VllmModel(config.translator, config.seed)
    model.start()
    Folder.at(config.output.dir).write_text(CONFIG, to_yaml(config))
    plans = survey_corpus(open_source(config), config.source.limit, config.seed, map_on_ray)
    watch = Watch()
    watch.start()
    with Progress(sum(plan.rows for plan in plans)) as progress:
        actors = plan_tracing([arguments.cpus], config.tracing, model.cpus)
        pipeline.stream(config, plans, pipeline.Run(new_run(), actors, model, None, progress.tally))
    watch.ended.set()
    watch.join()
    time.sleep(1.5)
    measured = measure(ray.get(collector.read.remote()))
    tokens = model.tokens()
    tokens_per_row = (tokens["prompt_tokens"] + tokens["generated_tokens"]) / tokens["rows"]
    rows_per_second = 8 * arguments.tokens_per_second / tokens_per_row
    cpu_seconds = watch.tracing_cpu_seconds / tokens["rows"]
    ray.shutdown()
    return {
        "benchmark": "gpu_simulation",
        **measured,
        "scale": arguments.scale,
        "tokens_per_second_of_a_gpu": arguments.tokens_per_second,
        "cpus": arguments.cpus,
        "tokens_per_row": round(tokens_per_row),
        "tracing_cpu_seconds_per_row": round(cpu_seconds, 3),
        "rows_per_second_of_8_gpus": round(rows_per_second, 2),
        "cpu_cores_for_8_gpus": round(rows_per_second * cpu_seconds, 1),
        "most_stored_mb": watch.most_stored_mb,
        "store_mb": arguments.store_mb,
        "spilled": watch.spilled,
    }


if __name__ == "__main__":
    main()
