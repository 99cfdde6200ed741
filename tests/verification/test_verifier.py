"""Programs and texts that would keep the engine busy for ever, or fill the memory, end their own verification only."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from execground_ray.verification import Evidence, Kind, UnverifiableError, Verifier, verify
from execground_ray.verification import verifier as module


@dataclass(frozen=True)
class Limits:
    timeout_s: int = 1
    memory_mb: int = 256


@pytest.fixture(scope="module")
def verifier():
    verifier = Verifier(Limits())
    yield verifier
    verifier.close()


def evidence(body, returned=3):
    """Of a program that seems to have returned at once: what it would really do is left to its replay."""
    refcode = f"def main_solution(n):\n    {body}\n"
    trace = [" >>> Call to main_solution", " ...... n = 2", "    1 | def main_solution(n):"]
    trace.append(" <<< Return value from main_solution: 3")
    return Evidence("Add one.", refcode, {"n": 2}, returned, "\n".join(trace))


# A claim that the trace does not decide, so that the program is replayed.
TEXT = "`main_solution` is called with `n = 2`, and `total` becomes `9`. **Final output:** `3`"

HOSTILE = {
    "a factorial": "import math\n    total = math.factorial(10**8)",
    "a sorted range": "total = sorted(range(10**8), key=str)",
    "permutations": "import itertools\n    total = len(list(itertools.permutations(range(12))))",
    "a pattern": "import re\n    total = re.match('(a+)+$', 'a' * 40 + 'b')",
    "a wide format": "total = f'{n:>1000000000}'",
    "a list in itself twice": "total = []\n    for i in range(60): total = [total, total]\n    total = str(total)",
    "memory": "total = [list(range(10**6)) for i in range(10**3)]",
    "a justified text": "total = len('x'.ljust(10**10))",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_program_leaves_the_trace_as_evidence(verifier, name):
    verdict = verifier.verify(TEXT, evidence(HOSTILE[name] + "\n    return n + 1"))
    assert verdict.answer_ok
    assert [finding.kind for finding in verdict.findings] == [Kind.UNGROUNDED_VALUE]


def test_the_verdict_is_that_of_the_engine(verifier):
    for text in (TEXT, "It returns `4`.", "", "`n = 2` so `n + 1 = 3`. **Final output:** `3`"):
        it = evidence("total = 9\n    return n + 1")
        assert verifier.verify(text, it) == verify(text, it)


def test_what_cannot_be_verified_is_said_and_the_next_text_can(verifier, monkeypatch):
    monkeypatch.setattr(module, "vars", lambda given: {"question": 3}, raising=False)
    with pytest.raises(UnverifiableError, match="TypeError"):
        verifier.verify(TEXT, evidence("return n + 1"))
    monkeypatch.undo()
    assert verifier.verify(TEXT, evidence("return n + 1")).answer_ok


def test_a_lost_process_is_replaced(verifier):
    verifier.verify(TEXT, evidence("return n + 1"))
    verifier._process.kill()
    assert verifier.verify(TEXT, evidence("return n + 1")).answer_ok


def test_the_process_ends_with_the_one_that_started_it(verifier):
    one = Verifier(Limits())
    one.verify(TEXT, evidence("return n + 1"))
    process = one._process
    process.stdin.close()
    assert process.wait(10) == 0
    one.close()


def test_nothing_is_imported_from_where_the_job_is_started(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.chdir(tmp_path)
    elsewhere = Verifier(Limits())
    try:
        assert elsewhere.verify(TEXT, evidence("return n + 1")).answer_ok
    finally:
        elsewhere.close()


@pytest.mark.parametrize("depth", [400, 700, 990, 5_000])
def test_a_value_nested_too_deeply_is_no_end_of_the_job(verifier, depth):
    value = []
    for _ in range(depth):
        value = [value]
    with contextlib.suppress(UnverifiableError):
        verifier.verify(TEXT, evidence("return n + 1", returned=value))
    assert verifier.verify(TEXT, evidence("return n + 1")).answer_ok


def test_its_limits_hold_for_each_text_not_for_all():
    """Each text takes about a third of a second, all of them more than one may."""
    it = evidence("import math\n    total = math.factorial(120_000) % 7\n    return n + 1")
    patient = Verifier(Limits())
    try:
        patient.verify(TEXT, it)
        process = patient._process
        for _ in range(16):
            assert patient.verify(TEXT, it).answer_ok
        assert patient._process is process
        used = Path(f"/proc/{process.pid}/stat").read_text().split()[13]
        assert int(used) / os.sysconf("SC_CLK_TCK") > 1 + Limits().timeout_s
    finally:
        patient.close()


def test_what_one_text_leaves_in_cycles_does_not_take_the_memory_of_the_next():
    """Each of forty texts leaves some 10 MB that only the garbage collector frees; all may have 256 MB."""
    body = "total = 4 + 5\n    for _ in range(12):\n        big = list(range(20_000, 40_000))\n        big.append(big)"
    it = evidence(body + "\n    return n + 1")
    patient = Verifier(Limits())
    try:
        patient.verify(TEXT, it)
        process = patient._process
        for _ in range(40):
            assert not patient.verify(TEXT, it).findings, "the program was not replayed"
        assert patient._process is process
    finally:
        patient.close()
