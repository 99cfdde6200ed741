"""Whether the stream gives vLLM's engine all it can take: tokens per second in the stream and of the engine alone.

``python -m benchmarks.translation --rows 64`` (in ``.venv-vllm``) makes a tiny model, lets the stages of
``translator=vllm`` translate the bundled sample's executions, again and again, and then gives the very same prompts,
with the same sampling and the same settings of the engine, to ``LLM.generate`` in one call. The engine alone comes
first, and then again behind the stream, because a machine that does other things is not equally fast all the time.

Both are timed alike, once warm: from the moment when a fifth of the rows is answered to the moment when four fifths
are, and what is counted are the tokens, read and written, of the rows answered in between. The first steps of an engine
are slow, and the last ones run empty, whoever feeds it; ``whole`` has the figures with both.

Prints one JSON line; ``efficiency`` is the stream's tokens per second over the mean of the engine's alone.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray

from execground_ray.config.loading import load
from execground_ray.config.schema import Config, VllmTranslator
from execground_ray.corpus.survey import survey_corpus
from execground_ray.output.record_split import open_source
from execground_ray.records import Stage, schema_after
from execground_ray.stages.filter_problems import filter_rows
from execground_ray.stages.read_problems import read_rows
from execground_ray.stages.trace_execution import TraceExecution
from execground_ray.translators.llm import processor as models
from execground_ray.translators.llm.engine_log import EngineLog
from execground_ray.translators.llm.questions import EnginePrompts
from execground_ray.translators.llm.vllm import VllmModel, check_model

MAX_MODEL_LEN = 4096
RAY_NICENESS = 15  # of Ray's workers: beside other programs, both sides have to give way to them alike
WARM, COOLING = 0.2, 0.8  # shares of the rows, answered when the time begins and ends to count

Ends = list[tuple[float, int]]  # of each row: when it was answered, in seconds of any clock, and its tokens


class TimedLog(EngineLog):
    """Also knows when each row was answered."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: Ends = []

    def end(self, row_id: str, engine: str, prompt_tokens: int, generated_tokens: int, attempt: int = 1) -> None:
        """Note that an engine has done with a row."""
        super().end(row_id, engine, prompt_tokens, generated_tokens)
        self.ends.append((time.monotonic(), prompt_tokens + generated_tokens))

    def read_ends(self) -> Ends:
        """Return when each row was answered."""
        return self.ends


def main() -> None:
    """Measure both and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--max-num-seqs", type=int, default=16)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--dtype", default="float32", help="float32 is quickest on a CPU without bfloat16")
    arguments = parser.parse_args()
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    os.environ["OMP_NUM_THREADS"] = "1"  # as Ray sets it for its actors
    with tempfile.TemporaryDirectory() as folder:
        config = make_config(arguments, Path(folder))
        rows = traced_rows(config, arguments.rows)
        before = measure_alone(config, rows)
        stream = measure_stream(config, rows)
        after = measure_alone(config, rows)
    found = {"alone_before": before, "stream": stream, "alone_after": after}
    warm = {name: warm_rate(ends) for name, (_, ends) in found.items()}
    print(
        json.dumps(
            {
                "benchmark": "translation",
                "efficiency": round(2 * warm["stream"] / (warm["alone_before"] + warm["alone_after"]), 3),
                "tokens_per_second": {name: round(rate) for name, rate in warm.items()},
                "whole": {name: round(whole_rate(*run)) for name, run in found.items()},
                "rows": arguments.rows,
                "max_tokens": arguments.max_tokens,
                "layers": arguments.layers,
                "hidden": arguments.hidden,
                "dtype": arguments.dtype,
                "cpus": os.cpu_count(),
                "load": os.getloadavg()[1],
            }
        )
    )


def warm_rate(ends: Ends) -> float:
    """Return the tokens per second between the two moments at which the time begins and ends to count."""
    ends = sorted(ends)
    first, last = int(WARM * len(ends)), int(COOLING * len(ends))
    return sum(tokens for _, tokens in ends[first + 1 : last + 1]) / (ends[last][0] - ends[first][0])


def whole_rate(began: float, ends: Ends) -> float:
    """Return the tokens per second from the first question to the last answer."""
    return sum(tokens for _, tokens in ends) / (max(ends)[0] - began)


def make_config(arguments: argparse.Namespace, folder: Path) -> Config:
    """Make the model, and return the configuration of a run with it."""
    from tests.translators.llm.tiny_model import make_model

    # Texts go on to the limit: as many tokens in both runs.
    make_model(folder / "model", end_weight=1, layers=arguments.layers, hidden=arguments.hidden)
    return load(
        [
            "translator=vllm",
            "translator.device=cpu",
            f"translator.model={folder}/model",
            f"translator.max_model_len={MAX_MODEL_LEN}",
            f"translator.sampling_params.max_tokens={arguments.max_tokens}",
            "+translator.engine_kwargs.enforce_eager=true",
            "+translator.engine_kwargs.enable_prefix_caching=false",  # the same prompts come again
            "+translator.engine_kwargs.disable_log_stats=false",  # when an answer ended is one of them
            f"+translator.engine_kwargs.max_num_seqs={arguments.max_num_seqs}",
            f"+translator.engine_kwargs.dtype={arguments.dtype}",
            f"translator.batches_in_flight={max(4, 2 * arguments.max_num_seqs // 16)}",
            f"output.dir={folder}/out",
        ]
    )


def traced_rows(config: Config, count: int) -> list[dict[str, Any]]:
    """Trace the sample, and return as many rows: its executions, with new ids when they come again."""
    [plan] = survey_corpus(open_source(config), None, config.seed, map)
    batch = filter_rows(pa.Table.from_pylist(list(read_rows(plan)), schema_after(Stage.READ)))
    trace = TraceExecution(config.tracing, True, config.seed, 1)
    good = [row for row in trace(batch).to_pylist() if not row["reason"]]
    room = check_model(translator_of(config))
    ask = EnginePrompts(translator_of(config), room, config.seed)
    prompts = ask(pa.Table.from_pylist(good, schema_after(Stage.TRACE))).to_pylist()
    fitting = [row for row, prompt in zip(good, prompts, strict=True) if prompt["tokenized_prompt"]]
    return [fitting[number % len(fitting)] | {"id": f"row{number}"} for number in range(count)]


def translator_of(config: Config) -> VllmTranslator:
    """The translator, which is vLLM."""
    assert isinstance(config.translator, VllmTranslator)
    return config.translator


def measure_stream(config: Config, rows: list[dict[str, Any]]) -> tuple[float, Ends]:
    """Let the stages of the stream translate the rows; return when the first question came, and the answers."""
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    log: Any = ray.remote(num_cpus=0)(TimedLog).remote()
    models.start_engine_log = lambda: log
    model = VllmModel(translator_of(config), config.seed)
    model.start()
    table = pa.Table.from_pylist(rows, schema_after(Stage.TRACE))
    blocks = ray.data.from_arrow([table.slice(start, 16) for start in range(0, len(rows), 16)])
    found = model.translate(blocks, {"batch_format": "pyarrow", "batch_size": None}).to_pandas()
    assert len(found) == len(rows)
    assert set(found["reason"]) <= {"", "unfinished", "empty"}
    ends: Ends = ray.get(log.read_ends.remote())
    began = max(ends)[0] - model.tokens()["seconds"]
    ray.shutdown()
    return began, ends


def measure_alone(config: Config, rows: list[dict[str, Any]]) -> tuple[float, Ends]:
    """Give the same prompts to the engine alone, in one call, in a process that ends with it."""
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        return processes.submit(generate, config, rows).result()


def generate(config: Config, rows: list[dict[str, Any]]) -> tuple[float, Ends]:
    """Return when the call began, and the answers."""
    os.nice(RAY_NICENESS)
    import vllm

    translator = translator_of(config)
    model = VllmModel(translator, config.seed)
    ask = EnginePrompts(translator, check_model(translator), config.seed)
    questions = ask(pa.Table.from_pylist(rows, schema_after(Stage.TRACE))).to_pylist()
    llm = vllm.LLM(model=translator.model, **model.engine_kwargs())
    sampling = [vllm.SamplingParams(**question["sampling_params"]) for question in questions]
    asked: list[Any] = [{"prompt_token_ids": question["tokenized_prompt"]} for question in questions]
    began = time.monotonic()
    outputs = llm.generate(asked, sampling, use_tqdm=False)
    return began, [
        (output.metrics.last_token_ts, len(output.prompt_token_ids or ()) + len(output.outputs[0].token_ids))
        for output in outputs
        if output.metrics
    ]


if __name__ == "__main__":
    main()
