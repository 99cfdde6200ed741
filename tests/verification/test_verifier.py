"""Texts that would keep the engine busy for ever, or fill the memory, end their own verification only."""

import contextlib
from dataclasses import dataclass, replace

import pytest
from executions import execute

from execground_ray.verification import Kind, UnverifiableError, Verifier, verify
from execground_ray.verification import verifier as module


@dataclass(frozen=True)
class Limits:
    timeout_s: int = 1
    memory_mb: int = 256


TEXT = "`main_solution` is called with `n = 2`, so `total` becomes `9` [1-4].\n\n**Final output:** `3`"


@pytest.fixture(scope="module")
def verifier():
    verifier = Verifier(Limits())
    yield verifier
    verifier.close()


@pytest.fixture
def execution():
    return execute("def main_solution(n):\n    total = n + 1\n    return total\n", '{"n": 2}')


def test_the_verdict_is_that_of_the_engine(verifier, execution):
    for text in (TEXT, "It returns `4`.", "", "`n = 2` so `n + 1 = 3`.\n\n**Final output:** `3`"):
        assert verifier.verify(text, execution) == verify(text, execution)
    assert Kind.ASSIGNMENT in {finding.kind for finding in verifier.verify(TEXT, execution).findings}


HOSTILE = {
    "a power": "`9 ** 9 ** 9 ** 9 = 3`",
    "a factorial": "`(10 ** 9)! = 3`",
    "a long text": "`'x' * 10 ** 12 = 3`",
    "brackets": "`" + "(" * 5_000 + "`",
    "open lists": "[" * 20_000,
    "quotes": "'" * 20_001,
    "marks": "`" * 20_001,
    "many values": ", ".join(f"`{n} + {n} = {n}`" for n in range(300)),
    "names": " is ".join(["`total`"] * 2_000),
    "a shift": "`1 << 10 ** 10 = 3`",
    "a range": "`sum(range(10 ** 12)) = 3`",
    "stars": "**" * 20_000,
    "citations": "[1-2]" * 5_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_ends_in_time(verifier, execution, name):
    with contextlib.suppress(UnverifiableError):
        verifier.verify(f"{HOSTILE[name]} [1-2].\n\n**Final output:** `3`", execution)
    assert verifier.verify(TEXT, execution).answer_ok


@pytest.mark.parametrize("evidence", ["", "{}", "[" * 10_000, '{"values": 3}', "null"])
def test_evidence_that_is_none_is_said(verifier, execution, evidence):
    verdict = verifier.verify(TEXT, replace(execution, evidence=evidence))
    assert verdict.answer_ok
    assert not verdict.evidence


def test_what_cannot_be_verified_is_said_and_the_next_text_can(verifier, execution, monkeypatch):
    monkeypatch.setattr(module, "vars", lambda given: {"question": 3}, raising=False)
    with pytest.raises(UnverifiableError, match="TypeError"):
        verifier.verify(TEXT, execution)
    monkeypatch.undo()
    assert verifier.verify(TEXT, execution).answer_ok


def test_a_lost_process_is_replaced(verifier, execution):
    verifier.verify(TEXT, execution)
    verifier._process.kill()
    assert verifier.verify(TEXT, execution).answer_ok


def test_the_process_ends_with_the_one_that_started_it(execution):
    one = Verifier(Limits())
    one.verify(TEXT, execution)
    process = one._process
    process.stdin.close()
    assert process.wait(10) == 0
    one.close()


def test_nothing_is_imported_from_where_the_job_is_started(tmp_path, monkeypatch, execution):
    (tmp_path / "json.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.chdir(tmp_path)
    elsewhere = Verifier(Limits())
    try:
        assert elsewhere.verify(TEXT, execution).answer_ok
    finally:
        elsewhere.close()


@pytest.mark.parametrize("depth", [400, 990, 5_000])
def test_a_value_nested_too_deeply_is_no_end_of_the_job(verifier, execution, depth):
    value = []
    for _ in range(depth):
        value = [value]
    with contextlib.suppress(UnverifiableError):
        verifier.verify(TEXT, replace(execution, returned=value))
    assert verifier.verify(TEXT, execution).answer_ok
