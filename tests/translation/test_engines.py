"""What surrounds an engine, without one: company of rows, GPUs, adapters, counts, seeds, and what comes back."""

import asyncio
import json
import time
from dataclasses import replace

import pyarrow as pa
import pytest

from execground_ray.config import load
from execground_ray.prompting import Answer
from execground_ray.records import Reason
from execground_ray.schema import ConfigError
from execground_ray.stages.trace_execution import NOT_TRACED
from execground_ray.stages.translate_traces import ERROR, ROW, TRANSLATED_SCHEMA, answered, finish_rows
from execground_ray.translators.engine_log import EngineLog
from execground_ray.translators.gate import EVERYBODY, Gate, group_of
from execground_ray.translators.model_prompts import EnginePrompts, row_seed
from execground_ray.translators.vllm import check_gpus, lora_rank

TRANSLATOR = load(["translator=vllm", "cluster=gpu8"]).translator


def test_the_company_gets_smaller_until_nobody_is_left():
    assert [group_of(deaths, 4, "batch", "row") for deaths in range(4)] == [EVERYBODY, EVERYBODY, "batch", "row"]
    assert [group_of(deaths, 2, "batch", "row") for deaths in range(2)] == [EVERYBODY, "row"]
    assert group_of(0, 1, "batch", "row") == EVERYBODY


def test_the_gate_keeps_groups_apart_and_lets_all_in():
    together: list[list[str]] = []

    async def visit(gate: Gate, inside: list[str], group: str) -> None:
        async with gate.enter(group):
            inside.append(group)
            together.append(list(inside))
            await asyncio.sleep(0.001)
            inside.remove(group)

    async def visits() -> None:
        gate, inside = Gate(), []
        groups = [EVERYBODY] * 8 + ["batch"] * 3 + ["row"] + [EVERYBODY] * 8
        await asyncio.gather(*(visit(gate, inside, group) for group in groups))

    asyncio.run(asyncio.wait_for(visits(), 10))
    assert len(together) == 20
    assert all(len(set(inside)) == 1 for inside in together)
    assert max(map(len, together)) == 8
    assert ["batch"] * 3 in together


def test_those_who_wait_alone_are_not_overtaken():
    order: list[str] = []

    async def visit(gate: Gate, group: str, seconds: float) -> None:
        async with gate.enter(group):
            order.append(group)
            await asyncio.sleep(seconds)

    async def visits() -> None:
        gate = Gate()
        first = asyncio.create_task(visit(gate, EVERYBODY, 0.01))
        await asyncio.sleep(0)
        await asyncio.gather(first, visit(gate, "row", 0), *(visit(gate, EVERYBODY, 0) for _ in range(5)))

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
    log.end("d", "y", 30, 3)
    assert (log.deaths("a"), log.deaths("b"), log.deaths("c")) == (2, 0, 0)
    tokens = log.read()
    assert tokens.pop("seconds") > 0
    assert tokens == {
        "rows": 3,
        "prompt_tokens": 60,
        "generated_tokens": 6,
        "engines": [
            {"rows": 1, "prompt_tokens": 10, "generated_tokens": 1},
            {"rows": 2, "prompt_tokens": 50, "generated_tokens": 5},
        ],
    }


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
    row = {"id": "a", "locator": "f:1", "problem": json.dumps(problem), "pairs": "[0]", "stage": "", "reason": ""}
    return row | NOT_TRACED | {"detail": "", "input": '{"n": 2}', "trace": "n = 2"} | fields


def test_prompts_carry_the_row_and_leave_out_what_is_too_long(tokenizer_folder):
    translator = replace(TRANSLATOR, model=str(tokenizer_folder))
    rows = [traced_row(), traced_row(id="b", trace="n = 2\n" * 2000), traced_row(id="c", reason="timeout")]
    prompts = EnginePrompts(translator, max_prompt_tokens=1000, seed=1)(pa.Table.from_pylist(rows)).to_pylist()
    good, long, rejected = prompts
    assert json.loads(good[ROW]) == rows[0]
    assert (good[ERROR], long[ERROR], rejected[ERROR]) == ("", "prompt_too_long", "timeout")
    assert 0 < len(good["tokenized_prompt"]) <= 1000
    assert long["tokenized_prompt"] == rejected["tokenized_prompt"] == []
    detail = json.loads(long[ROW])["detail"]
    assert detail.startswith("f:1: ")
    assert detail.endswith(" tokens, more than 1000")
    assert int(detail.split()[1]) > 4000
    assert good["sampling_params"]["temperature"] == 0.6
    assert len({prompt["sampling_params"]["seed"] for prompt in prompts}) == 3


def test_a_seed_is_the_rows_own():
    assert row_seed(1, "a") == row_seed(1, "a")
    assert len({row_seed(1, "a"), row_seed(2, "a"), row_seed(1, "b")}) == 3


def test_answers_become_rows_of_the_schema():
    row = traced_row(trace_lines=3, pair=2)
    batch = pa.Table.from_pylist(
        [
            answered(json.dumps(row), Answer("text", "thought"), 5, 6),
            answered(json.dumps(row), Answer("", "thought", Reason.UNFINISHED), 5, 24),
            answered(json.dumps(row), Answer("", "thought", Reason.EMPTY), 5, 6),
            {ROW: json.dumps(row), ERROR: "ValueError: no"},
            {ROW: json.dumps(row), ERROR: "HTTP 400: maximum context length is 10 tokens"},
            {ROW: json.dumps(row | {"reason": "timeout", "stage": "trace", "detail": "d"}), ERROR: "timeout"},
        ]
    )
    table = finish_rows(batch, keep_thinking=True)
    assert table.schema == TRANSLATED_SCHEMA
    assert all(column.null_count == 0 for column in table.columns)
    rows = table.to_pylist()
    assert [(row["reason"], row["detail"]) for row in rows] == [
        ("", ""),
        ("unfinished", "f:1: no end after 24 tokens"),
        ("empty", "f:1: nothing but thinking in 6 tokens"),
        ("engine_error", "f:1: ValueError: no"),
        ("prompt_too_long", "f:1: HTTP 400: maximum context length is 10 tokens"),
        ("timeout", "d"),
    ]
    assert [(row["text"], row["thinking"]) for row in rows] == [("text", "thought")] + [("", "")] * 5
    assert (rows[0]["pair"], rows[0]["trace_lines"], rows[0]["generated_tokens"]) == (2, 3, 6)
    assert finish_rows(batch, keep_thinking=False).to_pylist()[0]["thinking"] == ""
