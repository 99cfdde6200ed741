"""Whether the stream gives vLLM's engine all it can take: tokens per second in the stream and of the engine alone.

``python -m benchmarks.translation --rows 400`` (in ``.venv-vllm``) makes a tiny model, lets the stages of
``translator=vllm`` translate the bundled sample's executions, again and again, and then gives the very same prompts,
with the same sampling and the same settings of the engine, to ``LLM.generate`` in one call. Both are timed with the
model loaded: from the first question to the last answer.

Prints one JSON line; ``efficiency`` is the stream's tokens per second, read and written, over the engine's alone.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray

from execground_ray.config import Config, VllmTranslator, load
from execground_ray.corpus import survey_corpus
from execground_ray.splits import list_splits
from execground_ray.stages.filter_problems import filter_rows
from execground_ray.stages.read_problems import ROW_SCHEMA, read_rows
from execground_ray.stages.trace_execution import TRACED_SCHEMA, TraceExecution
from execground_ray.translators.model_prompts import EnginePrompts
from execground_ray.translators.vllm import VllmModel, check_model

MAX_MODEL_LEN = 4096


def main() -> None:
    """Measure both and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--max-num-seqs", type=int, default=64)
    arguments = parser.parse_args()
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    os.environ["OMP_NUM_THREADS"] = "1"  # as Ray sets it for its actors
    with tempfile.TemporaryDirectory() as folder:
        config = make_config(arguments, Path(folder))
        rows = traced_rows(config, arguments.rows)
        stream = measure_stream(config, rows)
        alone = measure_engine(config, rows)
    found = {"stream": stream, "engine_alone": alone}
    rates = {name: (run["read"] + run["written"]) / run["seconds"] for name, run in found.items()}
    print(
        json.dumps(
            {
                "benchmark": "translation",
                "efficiency": round(rates["stream"] / rates["engine_alone"], 3),
                "tokens_per_second": {name: round(rate) for name, rate in rates.items()},
                **found,
                "rows": arguments.rows,
                "cpus": os.cpu_count(),
            }
        )
    )


def make_config(arguments: argparse.Namespace, folder: Path) -> Config:
    """Make the model, and return the configuration of a run with it."""
    from tests.translation.tiny_model import make_model

    make_model(folder / "model", end_weight=1)  # texts go on to the limit: as many tokens in both runs
    return load(
        [
            "translator=vllm",
            "translator.device=cpu",
            f"translator.model={folder}/model",
            f"translator.max_model_len={MAX_MODEL_LEN}",
            f"translator.sampling_params.max_tokens={arguments.max_tokens}",
            "+translator.engine_kwargs.enforce_eager=true",
            "+translator.engine_kwargs.enable_prefix_caching=false",  # the same prompts come again
            f"+translator.engine_kwargs.max_num_seqs={arguments.max_num_seqs}",
            f"translator.batches_in_flight={max(4, 2 * arguments.max_num_seqs // 16)}",
            f"output.dir={folder}/out",
        ]
    )


def traced_rows(config: Config, count: int) -> list[dict[str, Any]]:
    """Trace the sample, and return as many rows: its executions, with new ids when they come again."""
    [plan] = survey_corpus(list_splits(config.source), None, config.seed, map)
    batch = filter_rows(pa.Table.from_pylist(list(read_rows(plan)), ROW_SCHEMA))
    trace = TraceExecution(config.tracing, True, config.seed, 1)
    good = [row for row in trace(batch).to_pylist() if not row["reason"]]
    room = check_model(translator_of(config))
    ask = EnginePrompts(translator_of(config), room, config.seed)
    prompts = ask(pa.Table.from_pylist(good, TRACED_SCHEMA)).to_pylist()
    fitting = [row for row, prompt in zip(good, prompts, strict=True) if prompt["tokenized_prompt"]]
    return [fitting[number % len(fitting)] | {"id": f"row{number}"} for number in range(count)]


def translator_of(config: Config) -> VllmTranslator:
    """The translator, which is vLLM."""
    assert isinstance(config.translator, VllmTranslator)
    return config.translator


def measure_stream(config: Config, rows: list[dict[str, Any]]) -> dict[str, float]:
    """Let the stages of the stream translate the rows."""
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    model = VllmModel(translator_of(config), config.seed)
    model.start()
    table = pa.Table.from_pylist(rows, TRACED_SCHEMA)
    blocks = ray.data.from_arrow([table.slice(start, 16) for start in range(0, len(rows), 16)])
    found = model.translate(blocks).to_pandas()
    assert len(found) == len(rows)
    assert set(found["reason"]) <= {"", "unfinished", "empty"}
    tokens = model.tokens()
    ray.shutdown()
    return {"read": tokens["prompt_tokens"], "written": tokens["generated_tokens"], "seconds": tokens["seconds"]}


def measure_engine(config: Config, rows: list[dict[str, Any]]) -> dict[str, float]:
    """Give the same prompts to the engine alone, in one call."""
    import vllm

    translator = translator_of(config)
    model = VllmModel(translator, config.seed)
    prompts = EnginePrompts(translator, check_model(translator), config.seed)(pa.Table.from_pylist(rows, TRACED_SCHEMA))
    questions = prompts.to_pylist()
    llm = vllm.LLM(model=translator.model, **model.engine_kwargs())
    sampling = [vllm.SamplingParams(**question["sampling_params"]) for question in questions]
    asked: list[Any] = [{"prompt_token_ids": question["tokenized_prompt"]} for question in questions]
    llm.generate(asked[:16], sampling[:16], use_tqdm=False)  # its first steps are slow; the stream gets no such help
    started = time.monotonic()
    outputs = llm.generate(asked, sampling, use_tqdm=False)
    seconds = time.monotonic() - started
    return {
        "read": sum(len(output.prompt_token_ids or ()) for output in outputs),
        "written": sum(len(output.outputs[0].token_ids) for output in outputs),
        "seconds": round(seconds, 3),
    }


if __name__ == "__main__":
    main()
