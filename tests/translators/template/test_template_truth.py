"""No reasoning states what is not so: on the programs of these tests, and on the reference traces where they are."""

import json
import re
from pathlib import Path

import pytest
from citing import plain_reasoning
from template_claims import false_statements
from template_programs import CASES

REFERENCE = Path(__file__).parents[3].parent / "shared" / "data" / "reference_traces.jsonl"
TALK = re.compile(r"\b(traces?|traced|tracing|debugg\w*|logs?|logged|execution|executed|snoop)\b", re.IGNORECASE)


def numbered_as_in_the_code(refcode, trace):
    """Undo the offset that a header before the code, and one before the main function, gave to the line numbers."""
    source = refcode.splitlines()
    line = re.compile(r"^( +)(\d+)( \| ?)(.*)$", re.MULTILINE)
    first = line.search(trace)
    top = int(first[2]) - next(n for n, text in enumerate(source, 1) if text.strip() == first[4].strip())

    def renumber(match):
        for number in range(int(match[2]) - top, int(match[2]) - top + 5):
            if 0 < number <= len(source) and source[number - 1].rstrip() == match[4].rstrip():
                return f"{match[1]}{number:{len(match[2])}}{match[3]}{match[4]}"
        return match[0]

    return line.sub(renumber, trace)


@pytest.mark.parametrize("case", CASES)
def test_own_programs(traced, case):
    refcode, arguments = CASES[case]
    trace, returned = traced(refcode, **arguments)
    text = plain_reasoning(refcode, "main_solution", arguments, trace, json.dumps(returned))
    assert false_statements(text, trace, arguments) == []


def test_the_check_finds_false_statements():
    trace = " ...... n = 3\n    2 |     k = 0\n"
    text = "`n = 4`, `k = 0`, `3 > 5` is true, `3 % 2 == 0`, that is `1 == 0`, which is false, `k` becomes `0 + 2 = 3`"
    assert false_statements(text, trace, {"n": 3}) == ["n = 4", "`3 > 5` is true", "becomes `0 + 2 = 3`"]


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference traces are not part of the repository")
def test_reference_traces():
    lengths = []
    for line in REFERENCE.read_text().splitlines():
        row = json.loads(line)
        trace = numbered_as_in_the_code(row["refcode"], row["trace"])
        text = plain_reasoning(row["refcode"], "main_solution", row["input"], trace, json.dumps(row["output"]))
        where = f"problem {row['problem']}, pair {row['pair']}"
        assert text.endswith(f"\n\n**Final output:** `{row['output']!r}`"), where
        assert not TALK.search(re.sub(r"`[^`]*`", "", text)), where
        assert "```" not in text, where
        assert false_statements(text, trace, row["input"]) == [], where
        lengths.append(len(text.split()))
    assert 150 <= sorted(lengths)[len(lengths) // 2] <= 450
