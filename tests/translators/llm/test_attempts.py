"""Asking again: a real server that gives bad texts first, the real stages one after the other, without Ray."""

import asyncio
import json
import threading
from collections import Counter
from dataclasses import dataclass
from functools import cache, partial
from types import SimpleNamespace
from typing import ClassVar

import pyarrow as pa
import pytest
from fake_servers import Log
from unlucky_model import USAGE, problem, serve

from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import load, to_yaml
from execground_ray.config.schema import Config
from execground_ray.corpus.parsing import content_id
from execground_ray.output.layout import CONFIG, PREFERENCE, TRAIN
from execground_ray.output.shards import read_records, write_names
from execground_ray.output.storage import Folder
from execground_ray.records import COLUMNS, Stage, schema_after
from execground_ray.report.proof import prove_write
from execground_ray.report.summary import count_shards, make_summary, write_summary
from execground_ray.stages import verify_examples
from execground_ray.stages.export_examples import export_rows
from execground_ray.stages.trace_execution import TraceExecution
from execground_ray.stages.verify_examples import verify_rows
from execground_ray.stages.write_shards import ShardSink
from execground_ray.translators.llm.chat_transport import ApiKey
from execground_ray.translators.llm.http_requests import ChatRequests
from execground_ray.translators.llm.processor import finish_rows
from execground_ray.translators.llm.questions import RequestForm, ask_server
from execground_ray.translators.llm.resampling import Resampler
from execground_ray.translators.llm.server_check import check_question, check_server
from execground_ray.translators.translator import Answer
from execground_ray.verification.rows import RowVerifier

LUCK = ["", "WRONG", "FALSE CUT", "EMPTY", "CUT FALSE", "WRONG FALSE WRONG", "CUT CUT CUT"]
PAIRS = ("translator.attempts=3", "export.preference=true")
REASONS = {
    "WRONG": ("verify", "wrong_answer"),
    "FALSE": ("verify", "ungrounded"),
    "EMPTY": ("translate", "empty"),
    "CUT": ("translate", "unfinished"),
}


class Counting(RowVerifier):
    """Counts the programs that run again; what one run of the stages has started serves the next."""

    made: ClassVar[list["Counting"]] = []
    idle: ClassVar[list["Counting"]] = []
    runs: ClassVar[Counter] = Counter()

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        Counting.made.append(self)

    @classmethod
    def take(cls, *arguments, **settings):
        return cls.idle.pop() if cls.idle else cls(*arguments, **settings)

    def verify(self, row):
        Counting.runs[row["id"]] += 1
        return super().verify(row)


@dataclass(frozen=True)
class Run:
    """What a run of the stages came to."""

    table: pa.Table
    config: Config
    asked: list[dict]  # the requests
    runs: Counter  # of programs to judge texts, by row

    @property
    def rows(self):
        return self.table.to_pylist()


@pytest.fixture(scope="module")
def traced():
    config = load(["tracing.preload=[]"])
    columns = COLUMNS[Stage.READ] | COLUMNS[Stage.PREFILTER] | {"pairs": "[0]"}
    rows = []
    for number, luck in enumerate(LUCK, 1):
        text = json.dumps(problem(number, luck) | {"source": "test", "category": "", "meta": {}})
        rows.append(columns | {"id": content_id(text.encode()), "locator": f"f:{number}", "problem": text})
    trace = TraceExecution(config.tracing, True, config.seed, 1)
    table = trace(pa.Table.from_pylist(rows, schema_after(Stage.PREFILTER)))
    trace._runner.close()
    assert set(table["reason"].to_pylist()) == {""}
    return table


@pytest.fixture(scope="module")
def run(traced):
    """Let the rows of LUCK pass the stages from translation to export, once for the same overrides."""

    async def ask(resampler, questions):
        question = check_question(resampler.translator, RequestForm())
        stage = ChatRequests("data", [], resampler, ApiKey(""), question, Log())
        [result] = [result async for result in stage({"data": questions})]
        await stage._session.close()
        return result["data"]

    @cache
    def run(*overrides):
        with serve() as server:
            config = load(["translator=http", f"translator.url={server.url}", "tracing.preload=[]", *overrides])
            translator, enforce = config.translator, config.verification.mode == "enforce"
            Counting.runs.clear()
            make = partial(Counting.take, config.verification, config.tracing, caged=True) if enforce else None
            resampler = Resampler(translator, config.seed, make)
            questions = ask_server(traced, translator, RequestForm(), config.seed).to_pylist()
            answers = pa.Table.from_pylist(asyncio.run(ask(resampler, questions)))
        table = finish_rows(answers, "http", translator.keep_thinking)
        verifier = Counting.take(config.verification, config.tracing, caged=True)
        monkeypatch.setattr(verify_examples, "verifier_for", lambda *settings: verifier)
        table = verify_rows(table, config.verification, config.tracing, True, translator.fallback == "template")
        Counting.idle = [each for each in Counting.made if each._settings.mode == "enforce"]
        return Run(export_rows(table, config.export), config, server.asked, Counter(Counting.runs))

    with pytest.MonkeyPatch.context() as monkeypatch:
        yield run
    for each in Counting.made:
        each.close()


def outcome(row):
    return row["stage"], row["reason"]


def attempts_of(row):
    return [attempt["reason"] for attempt in json.loads(row["attempts"])]


def reasons_of(luck, attempts):
    """The reasons of the attempts that a row with this luck takes."""
    found = [REASONS[word][1] for word in luck.split()[:attempts]]
    return found + [""] * (len(found) < attempts)


def test_what_is_bad_is_asked_for_again_until_it_is_good(run):
    found = run(*PAIRS)
    rows = found.rows
    for row, luck in zip(rows, LUCK, strict=True):
        expected = reasons_of(luck, 3)
        attempts = json.loads(row["attempts"])
        assert [attempt["reason"] for attempt in attempts] == expected, luck
        assert outcome(row) == (REASONS[luck.split()[-1]] if expected[-1] else ("", "")), luck
        assert row["prompt_tokens"] == USAGE["prompt_tokens"] * len(expected)
        assert row["generated_tokens"] == USAGE["completion_tokens"] * len(expected)
        for attempt, word in zip(attempts, luck.split(), strict=False):
            judged = word in ("WRONG", "FALSE")
            assert bool(attempt["findings"]) == judged
            assert (attempt["text"] == "") == (word == "EMPTY")
            assert not attempt["detail"].startswith("f:")
        if not expected[-1]:
            assert (row["text"], row["answer_ok"], row["grounded"]) == (attempts[-1]["text"], True, 1.0)
            assert "[" in row["text"] and "[" not in row["answer"]
    assert len(found.asked) == sum(len(attempts_of(row)) for row in rows)
    assert len({request["seed"] for request in found.asked}) == len(found.asked)
    # Once per text that can be judged, each with its own watches; never again in the stage that verifies.
    unusable = ("empty", "unfinished")
    judged = {row["id"]: sum(reason not in unusable for reason in attempts_of(row)) for row in rows}
    assert found.runs == Counter(judged)


def test_asked_once_they_are_rejects(run):
    found = run("translator.attempts=1")
    for row, luck in zip(found.rows, LUCK, strict=True):
        assert outcome(row) == (REASONS[luck.split()[0]] if luck else ("", ""))
        assert attempts_of(row) == reasons_of(luck, 1)
    assert len(found.asked) == len(LUCK)


@pytest.mark.parametrize("attempts", [1, 2])
def test_the_template_writes_where_no_attempt_is_good(run, attempts):
    rows = run(f"translator.attempts={attempts}", "translator.fallback=template", "export.preference=true").rows
    for row, luck in zip(rows, LUCK, strict=True):
        expected = reasons_of(luck, attempts)
        assert outcome(row) == ("", "")
        assert row["translator"] == ("template" if expected[-1] else "http")
        assert (row["answer_ok"], row["grounded"]) == (True, 1.0)
        assert row["generated_tokens"] == USAGE["completion_tokens"] * len(expected)
        assert attempts_of(row) == expected
        refused = bool({"wrong_answer", "ungrounded"} & set(expected))
        assert bool(row["refused"]) == refused


def test_what_is_only_scored_is_not_asked_for_again_unless_it_is_no_text(run):
    rows = run("translator.attempts=3", "verification.mode=score").rows
    for row, luck in zip(rows, LUCK, strict=True):
        expected = {"EMPTY": ["empty", ""], "CUT FALSE": ["unfinished", ""], "CUT CUT CUT": ["unfinished"] * 3}
        assert attempts_of(row) == expected.get(luck, [""])


def test_a_cut_off_answer_gets_more_room_from_then_on(run):
    asked = run(
        "translator.attempts=3", "translator.sampling_params.max_tokens=100", "translator.retry_max_tokens=400"
    ).asked
    for case, limits in ((1, [100]), (2, [100, 100]), (3, [100, 100, 400]), (5, [100, 400, 400])):
        assert [request["max_tokens"] for request in asked if request["case"] == case] == limits


def test_a_greedy_model_is_asked_again_only_for_more(run):
    greedy = ["translator.attempts=3", "translator.sampling_params.temperature=0"]
    rows = run(*greedy, "translator.sampling_params.max_tokens=100", "translator.retry_max_tokens=400").rows
    assert [len(attempts_of(row)) for row in rows] == [1, 1, 1, 1, 2, 1, 2]


def test_judging_does_not_hold_up_the_loop_of_the_engine():
    """The judge of the first row waits until the second row has its answer: on the loop, that would never come."""
    answered = threading.Event()

    class Waiting:
        def verify(self, row):
            assert answered.wait(20)
            return row

    async def ask(number, wanted):
        if number:
            await asyncio.sleep(0.1)
            answered.set()
        return Answer("It is 4.")

    async def both():
        resampler = Resampler(load(["translator=http"]).translator, 1, Waiting)
        row = json.dumps({"id": "a"} | COLUMNS[Stage.READ])
        return await asyncio.gather(*(resampler.sample(str(n), row, partial(ask, n)) for n in range(2)))

    results = asyncio.run(both())
    assert [json.loads(result)[0]["verdict"]["reason"] for result in results] == ["", ""]


@pytest.fixture
def written(run, tmp_path):
    """A dataset with pairs, in one write, and how it was configured."""
    found, folder = run(*PAIRS), Folder.at(str(tmp_path / "out"))
    folder.write_text(CONFIG, to_yaml(found.config))
    ShardSink(folder, 1000).write([found.table], SimpleNamespace(task_idx=0))
    write_summary(folder, make_summary(count_shards(folder), len(LUCK), {"seconds": 1.0, "sandbox": {}, "config": {}}))
    return folder, found.config


def rows_of(folder, kind):
    return [row for path in folder.files(kind) for row in folder.read_rows(path)]


def test_pairs_stand_beside_the_training_rows(written, tmp_path):
    import datasets

    folder, config = written
    trained = {row["id"]: row for row in rows_of(folder, TRAIN)}
    pairs = {row["id"]: row for row in rows_of(folder, PREFERENCE)}
    known = read_records(folder, write_names(folder)[0]).to_pylist()
    refused = {row["id"] for row in known if {"wrong_answer", "ungrounded"} & set(attempts_of(row))}
    assert pairs.keys() == refused & trained.keys()
    assert len(pairs) == 3
    for identity, pair in pairs.items():
        assert list(pair) == ["id", "prompt", "chosen", "rejected"]
        assert [pair["prompt"], pair["chosen"]] == [each["content"] for each in trained[identity]["messages"]]
        assert pair["rejected"] not in ("", pair["chosen"])
        assert "[" not in pair["rejected"]
    assert [row["attempts"] for row in trained.values()] == [1, 2, 3, 2, 3]
    summary = json.loads(folder.read_text("summary.json"))
    assert (summary["preference_pairs"], summary["examples_by_translator"]) == (3, {"http": 5})
    registered = json.loads(folder.read_text("dataset_info.json"))
    assert registered["execground_preference"]["ranking"] is True
    loaded = datasets.load_dataset(
        "json", data_files=f"{folder.path}/preference/*.jsonl", split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded["rejected"][:] == [row["rejected"] for row in pairs.values()]
    [name] = write_names(folder)
    proof = prove_write(folder, config, True, name)
    assert (proof.problems, len(proof.accepted), proof.verified) == ([], 5, 6)


def test_a_pair_that_was_changed_is_found(written):
    folder, config = written
    [name] = write_names(folder)
    path = f"preference/{name}.jsonl"
    row = rows_of(folder, PREFERENCE)[0]
    folder.write_text(path, json.dumps(row | {"rejected": "Something else."}, ensure_ascii=False) + "\n")
    [problem] = prove_write(folder, config, True, name).problems
    assert problem == f"{path}:1: {row['id']}: rejected is not what its record says"


def test_what_cannot_be_trained_on_gives_no_pair(run):
    pairs = [row for row in run(*PAIRS).rows if row["refused"]]
    longer = max(pairs, key=lambda row: len(row["refused"]) - len(row["answer"]))
    limit = len(longer["prompt"]) + len(longer["answer"])
    assert len(longer["refused"]) > len(longer["answer"])
    columns = schema_after(Stage.VERIFY).names
    batch = pa.Table.from_pylist([{name: longer[name] for name in columns}], schema_after(Stage.VERIFY))
    for room, pair in ((limit, ""), (len(longer["prompt"]) + len(longer["refused"]), longer["refused"])):
        overrides = ["translator=http", "export.preference=true", "export.tokenizer=characters"]
        [row] = export_rows(batch, load([*overrides, f"export.max_tokens={room}"]).export).to_pylist()
        assert (row["reason"], row["refused"]) == ("", pair)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("translator.attempts=0", r"translator\.attempts"),
        ("translator.attempts=17", r"translator\.attempts"),
        ("translator.fallback=other", r"translator\.fallback"),
        ("translator.retry_max_tokens=16384", r"translator\.retry_max_tokens = 16384 is not more than .*16384"),
        ("translator.sampling_params.max_tokens=null translator.retry_max_tokens=9", "not more than .* null"),
        ("export.preference=true translator.attempts=1", r"export\.preference = true would give no pair"),
        ("export.preference=true verification.mode=score", r"export\.preference = true would give no pair"),
        ("export.preference=true translator=template", r"export\.preference = true would give no pair"),
    ],
)
def test_settings_that_make_no_sense_are_refused(overrides, message):
    with pytest.raises(ConfigError, match=message):
        load(["translator=http", *overrides.split()])


def test_more_room_than_the_server_has_is_known_before_the_run():
    from fake_servers import COMPLETION, refusal, settings
    from fake_servers import serve as serve_answers

    def answer(request, number):
        return (200, COMPLETION) if request["max_tokens"] <= 16384 else (400, refusal("max_tokens is too large"))

    with serve_answers(answer) as fake:
        check_server(settings(fake), ApiKey(""))
        with pytest.raises(ConfigError, match=r"translator\.retry_max_tokens = 20000 is more than the server takes"):
            check_server(settings(fake, "translator.retry_max_tokens=20000"), ApiKey(""))
