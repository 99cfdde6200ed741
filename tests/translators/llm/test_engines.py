"""What surrounds an engine, without one: company of rows, GPUs, adapters, counts, seeds, and what comes back."""

import asyncio
import json
import time
from dataclasses import asdict, replace

import pyarrow as pa
import pytest

from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import load
from execground_ray.records import COLUMNS, Reason, Stage, schema_after
from execground_ray.translators.llm.engine_log import EngineLog
from execground_ray.translators.llm.gpus import check_gpus, check_memory, weight_bytes
from execground_ray.translators.llm.processor import ANSWER, ERROR, ROW, finish_rows
from execground_ray.translators.llm.prompting import read_answer
from execground_ray.translators.llm.quarantine import EVERYBODY, Quarantine, group_of
from execground_ray.translators.llm.questions import EnginePrompts
from execground_ray.translators.llm.resampling import Attempt, row_seed
from execground_ray.translators.llm.vllm import VllmModel, lora_rank
from execground_ray.translators.translator import Answer

TRANSLATOR = load(["translator=vllm", "cluster=gpu8"]).translator


def test_the_company_gets_smaller_until_nobody_is_left():
    assert [group_of(deaths, 4, "batch", "row") for deaths in range(4)] == [EVERYBODY, EVERYBODY, "batch", "row"]
    assert [group_of(deaths, 2, "batch", "row") for deaths in range(2)] == [EVERYBODY, "row"]
    assert group_of(0, 1, "batch", "row") == EVERYBODY


def test_the_gate_keeps_groups_apart_and_lets_all_in():
    together: list[list[str]] = []

    async def visit(quarantine: Quarantine, inside: list[str], group: str) -> None:
        async with quarantine.enter(group):
            inside.append(group)
            together.append(list(inside))
            await asyncio.sleep(0.001)
            inside.remove(group)

    async def visits() -> None:
        quarantine, inside = Quarantine(), []
        groups = [EVERYBODY] * 8 + ["batch"] * 3 + ["row"] + [EVERYBODY] * 8
        await asyncio.gather(*(visit(quarantine, inside, group) for group in groups))

    asyncio.run(asyncio.wait_for(visits(), 10))
    assert len(together) == 20
    assert all(len(set(inside)) == 1 for inside in together)
    assert max(map(len, together)) == 8
    assert ["batch"] * 3 in together


def test_those_who_wait_alone_are_not_overtaken():
    order: list[str] = []

    async def visit(quarantine: Quarantine, group: str, seconds: float) -> None:
        async with quarantine.enter(group):
            order.append(group)
            await asyncio.sleep(seconds)

    async def visits() -> None:
        quarantine = Quarantine()
        first = asyncio.create_task(visit(quarantine, EVERYBODY, 0.01))
        await asyncio.sleep(0)
        await asyncio.gather(first, visit(quarantine, "row", 0), *(visit(quarantine, EVERYBODY, 0) for _ in range(5)))

    asyncio.run(asyncio.wait_for(visits(), 10))
    assert order == [EVERYBODY, "row"] + [EVERYBODY] * 5


def test_the_log_knows_deaths_and_counts_each_engine():
    log = EngineLog()
    log.begin("a")
    log.begin("a")
    log.begin("b")
    time.sleep(0.01)
    log.end("b", "x", 10, 1)
    log.end("c", "y", 20, 2)
    log.begin("d", 2)
    log.end("d", "y", 30, 3, 2)
    log.begin("b", 2)
    assert (log.deaths("a"), log.deaths("b"), log.deaths("b", 2), log.deaths("c")) == (2, 0, 1, 0)
    tokens = log.read()
    assert tokens.pop("seconds") > 0
    assert tokens == {
        "rows": 2,  # of which one was answered twice
        "answers": 3,
        "prompt_tokens": 60,
        "generated_tokens": 6,
        "engines": [
            {"rows": 1, "answers": 1, "prompt_tokens": 10, "generated_tokens": 1},
            {"rows": 1, "answers": 2, "prompt_tokens": 50, "generated_tokens": 5},
        ],
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "/no/such/model"}, "the model '/no/such/model' is neither a folder nor a name"),
        ({"max_model_len": 16384}, "leaves no room for a prompt in the 16384 tokens"),
        ({"lora_path": "/no/adapter"}, "is not the folder of an adapter"),
        ({"device": "cpu"}, "tensor_parallel_size is 1 where"),
    ],
    ids=["model", "room", "adapter", "size"],
)
def test_a_model_that_cannot_be_asked_is_refused(tokenizer_folder, monkeypatch, changes, message):
    monkeypatch.setattr("execground_ray.translators.llm.vllm.find_spec", lambda name: name)
    with pytest.raises(ConfigError, match=message):
        VllmModel(replace(TRANSLATOR, **{"model": str(tokenizer_folder), "max_model_len": 20_000} | changes), seed=1)


def test_a_model_without_its_engine_is_refused(monkeypatch):
    monkeypatch.setattr("execground_ray.translators.llm.vllm.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="translator=vllm needs vLLM: pip install"):
        VllmModel(TRANSLATOR, seed=1)


@pytest.mark.parametrize(
    ("replicas", "size", "gpus", "enough"),
    [(4, 2, [8], True), (4, 2, [4, 4], True), (1, 8, [8], True), (1, 8, [4, 4], False), (4, 2, [3, 3, 2], False)],
)
def test_every_engine_needs_its_gpus_on_one_node(replicas, size, gpus, enough):
    translator = replace(TRANSLATOR, replicas=replicas, tensor_parallel_size=size)
    nodes = [{"CPU": 8.0, "GPU": float(count)} for count in gpus]
    if enough:
        check_gpus(translator, nodes)
    else:
        with pytest.raises(ConfigError, match=f"the nodes of the cluster have {', '.join(map(str, gpus))}"):
            check_gpus(translator, nodes)


def write_heads(folder, dtypes, shape):
    """A model that is only the heads of its files: two shards, a tensor of ``shape`` and each type in both."""
    head = {kind: {"dtype": kind, "shape": shape, "data_offsets": [0, 0]} for kind in dtypes}
    names = [f"model-{number}-of-2.safetensors" for number in (1, 2)]
    for number, name in enumerate(names):
        data = json.dumps({f"{kind}.{number}": tensor for kind, tensor in head.items()}).encode()
        (folder / name).write_bytes(len(data).to_bytes(8, "little") + data)
    weight_map = {f"{kind}.{number}": name for number, name in enumerate(names) for kind in dtypes}
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("dtypes", "changes", "gib"),
    [
        (["BF16"], {}, 64),
        (["F32"], {}, 64),
        (["F32"], {"engine_kwargs": {"dtype": "float32"}}, 128),
        (["F8_E4M3"], {}, 32),
        (["BF16"], {"quantization": "fp8"}, 32),
        (["BF16", "I32"], {"quantization": "gptq"}, 16 + 128),
    ],
)
def test_weights_are_counted_from_the_heads_of_their_files(tmp_path, dtypes, changes, gib):
    write_heads(tmp_path, dtypes, [16, 2**30])
    assert weight_bytes(replace(TRANSLATOR, model=str(tmp_path), **changes)) == gib * 2**30


def test_weights_in_another_format_are_left_to_the_engine(tmp_path):
    (tmp_path / "pytorch_model.bin").touch()
    assert weight_bytes(replace(TRANSLATOR, model=str(tmp_path))) is None


def test_too_little_memory_is_refused_with_what_would_do(tmp_path):
    gib = 2**30
    check_memory(TRANSLATOR, 64 * gib, 80 * gib)
    check_memory(TRANSLATOR, 64 * gib, None)
    check_memory(TRANSLATOR, None, 24 * gib)
    with pytest.raises(
        ConfigError, match=r"alone need 64.0 GiB; an engine with 2 GPUs of 24.0 GiB may use 45.6"
    ) as found:
        check_memory(TRANSLATOR, 64 * gib, 24 * gib)
    assert "cluster.gpus_per_engine to more than 2," in str(found.value)
    check_memory(replace(TRANSLATOR, tensor_parallel_size=3), 64 * gib, 24 * gib)
    with pytest.raises(ConfigError, match=r"more than 3,"):
        check_memory(replace(TRANSLATOR, engine_kwargs={"gpu_memory_utilization": 0.7}), 64 * gib, 24 * gib)


def test_settings_reach_the_engine_in_its_own_names(tokenizer_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("execground_ray.translators.llm.vllm.find_spec", lambda name: name)
    (tmp_path / "adapter_config.json").write_text('{"r": 9}')
    translator = replace(
        TRANSLATOR, model=str(tokenizer_folder), max_model_len=20_000, quantization="fp8", lora_path=str(tmp_path)
    )
    settings = VllmModel(replace(translator, engine_kwargs={"kv_cache_dtype": "fp8"}), seed=5).engine_kwargs()
    assert settings == {
        "tensor_parallel_size": 2,
        "seed": 5,
        "max_model_len": 20_000,
        "quantization": "fp8",
        "enable_lora": True,
        "max_lora_rank": 16,
        "max_num_seqs": 512,
        "max_num_batched_tokens": 16384,
        "gpu_memory_utilization": 0.95,
        "kv_cache_dtype": "fp8",
    }


def test_an_adapter_gets_the_room_it_needs(tmp_path):
    for rank, room in ((8, 8), (33, 64)):
        (tmp_path / "adapter_config.json").write_text(json.dumps({"r": rank}))
        assert lora_rank(str(tmp_path)) == room
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 4096}))
    with pytest.raises(ConfigError, match="not the folder of an adapter"):
        lora_rank(str(tmp_path))


def traced_row(**fields):
    problem = {
        "problem_description": "Double.",
        "io_requirements": "n",
        "refcode": "def main_solution(n):\n    return 2 * n",
        "funcname": "main_solution",
        "ios": [],
        "source": "",
        "category": "",
        "meta": {},
    }
    row = {
        name: blank for stage in (Stage.READ, Stage.PREFILTER, Stage.TRACE) for name, blank in COLUMNS[stage].items()
    }
    row |= {"id": "a", "locator": "f:1", "problem": json.dumps(problem), "pairs": "[0]"}
    return row | {"input": '{"n": 2}', "trace": "n = 2"} | fields


def test_prompts_carry_the_row_and_leave_out_what_is_too_long(tokenizer_folder):
    translator = replace(TRANSLATOR, model=str(tokenizer_folder))
    rows = [traced_row(), traced_row(id="b", trace="n = 2\n" * 2000), traced_row(id="c", reason="timeout")]
    prompts = EnginePrompts(translator, max_prompt_tokens=2000, seed=1)(pa.Table.from_pylist(rows)).to_pylist()
    good, long, rejected = prompts
    assert json.loads(good[ROW]) == rows[0]
    assert (good[ERROR], long[ERROR], rejected[ERROR]) == ("", "prompt_too_long", "timeout")
    assert 0 < len(good["tokenized_prompt"]) <= 2000
    assert long["tokenized_prompt"] == rejected["tokenized_prompt"] == []
    detail = json.loads(long[ROW])["detail"]
    assert detail.startswith("f:1: ")
    assert detail.endswith(" tokens, more than 2000")
    assert int(detail.split()[1]) > 4000
    assert good["sampling_params"]["temperature"] == 0.6
    assert len({prompt["sampling_params"]["seed"] for prompt in prompts}) == 3


def test_a_seed_is_the_rows_own():
    assert row_seed(1, "a") == row_seed(1, "a")
    assert len({row_seed(1, "a"), row_seed(2, "a"), row_seed(1, "b"), row_seed(1, "a", 2), row_seed(1, "a", 3)}) == 5


def answered(row, *answers):
    """What a processor gives back for a row after these answers."""
    attempts = [asdict(Attempt(answer, {})) for answer in answers]
    return {ROW: json.dumps(row), ERROR: "", ANSWER: json.dumps(attempts)}


def test_answers_become_rows_of_the_schema():
    row = traced_row(trace_lines=3, pair=2)
    batch = pa.Table.from_pylist(
        [
            answered(row, read_answer("half", False, (5, 24)), read_answer("<think>thought</think>text", True, (5, 6))),
            answered(row, read_answer("<think>thought", False, (5, 24))),
            answered(row, read_answer("<think>thought</think>", True, (5, 6))),
            answered(row, Answer("", reason=Reason.ENGINE_ERROR, detail="ValueError: no")),
            {ROW: json.dumps(row | {"reason": "timeout", "stage": "trace", "detail": "d"}), ERROR: "timeout"},
        ]
    )
    table = finish_rows(batch, "vllm", keep_thinking=True)
    assert table.schema == schema_after(Stage.TRANSLATE)
    assert all(column.null_count == 0 for column in table.columns)
    rows = table.to_pylist()
    assert [(row["reason"], row["detail"]) for row in rows] == [
        ("", ""),
        ("unfinished", "f:1: no end after 24 tokens"),
        ("empty", "f:1: nothing but thinking in 6 tokens"),
        ("engine_error", "f:1: ValueError: no"),
        ("timeout", "d"),
    ]
    assert [(row["text"], row["thinking"]) for row in rows] == [("text", "thought")] + [("", "")] * 4
    assert [row["translator"] for row in rows] == ["vllm"] + [""] * 4
    assert (rows[0]["pair"], rows[0]["trace_lines"], rows[0]["generated_tokens"]) == (2, 3, 30)
    told = {"detail": "", "findings": None, "prompt_tokens": 5}
    assert json.loads(rows[0]["attempts"]) == [
        told
        | {"text": "half", "thinking": "", "reason": "unfinished", "detail": "no end after 24 tokens"}
        | {"generated_tokens": 24},
        told | {"text": "text", "thinking": "thought", "reason": "", "generated_tokens": 6},
    ]
    without = finish_rows(batch, "vllm", keep_thinking=False).to_pylist()[0]
    assert without["thinking"] == "".join(attempt["thinking"] for attempt in json.loads(without["attempts"])) == ""
