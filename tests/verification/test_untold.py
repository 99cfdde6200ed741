"""What no sentence tells: a statement that none cites, a round without what it changes, and what is out of date."""

import re
from types import SimpleNamespace

import pytest
from executions import execute

from execground_ray.verification import Kind, Outcome, judge, verify

PROGRAM = """\
def main_solution(numbers):
    total = 0
    best = 0
    for number in numbers:
        total += number
        if total > best:
            best = total
    return best
"""
ARGUMENTS = '{"numbers": [4, 9, 3, 5, 7]}'
TRACE = execute(PROGRAM, ARGUMENTS).trace.split("\n")
FIRST = next(index for index, line in enumerate(TRACE, 1) if "for number" in line)
ROUND = 7  # record lines of each round
FLOORS = SimpleNamespace(min_grounded=0.0, min_coverage=1.0, min_supported=0)


def rounds():
    """A sentence of each round."""
    sums = {4: 4, 9: 13, 3: 16, 5: 21, 7: 28}
    for place, (number, total) in enumerate(sums.items()):
        first = FIRST + place * ROUND
        told = f"With `number = {number}` the sum is `total = {total}`, and so `best = {total}`"
        yield f"{told} [{first}-{first + ROUND - 1}]."


BEGIN = f"At first `total = 0` and `best = 0` [1-{FIRST - 1}]."
END = f"`28` comes back [{len(TRACE) - 1}-{len(TRACE)}]."
WHOLE = [BEGIN, *rounds(), f"Then the loop ends [{FIRST + 5 * ROUND}].", END]


def verdict_of(sentences):
    text = "\n\n".join([*sentences, "**Final output:** `28`"])
    return verify(text, execute(PROGRAM, ARGUMENTS, text))


def untold_of(sentences):
    """The record lines that are left out."""
    found = [each for each in verdict_of(sentences).findings if each.kind is Kind.UNTOLD]
    return [first for finding in found for first, _ in finding.lines]


def test_a_text_that_goes_step_by_step_tells_all():
    verdict = verdict_of(WHOLE)
    assert (verdict.coverage, verdict.untold, verdict.findings) == (1.0, 0, ())
    assert judge(verdict, FLOORS) is None


def test_a_statement_that_no_sentence_cites_is_left_out():
    sentences = WHOLE[:3] + WHOLE[4:]
    left_out = range(FIRST + 2 * ROUND, FIRST + 3 * ROUND)
    assert untold_of(sentences) == [line for line in left_out if "|" in TRACE[line - 1]]
    verdict = verdict_of(sentences)
    assert verdict.untold == 4
    assert {finding.outcome for finding in verdict.findings} == {Outcome.UNKNOWN}
    assert "is left out" in judge(verdict, FLOORS)[1]
    assert judge(verdict, SimpleNamespace(min_grounded=0.0, min_coverage=0.8, min_supported=0)) is None


def test_a_citation_may_be_too_narrow_where_the_step_is_told():
    first = FIRST + ROUND
    narrow = WHOLE[2].replace(f"[{first}-", f"[{first + 2}-")
    assert untold_of([*WHOLE[:2], narrow, *WHOLE[3:]]) == []
    without = narrow.replace("With `number = 9` the", "The")
    assert untold_of([*WHOLE[:2], without, *WHOLE[3:]]) == [first]


def test_a_citation_is_not_too_narrow_for_a_change_that_is_only_named():
    first = FIRST + ROUND
    plain = [re.sub("the sum is .*(?= \\[)", "it rises", sentence) for sentence in WHOLE]
    for told, untold in (("`total`", [first + 2]), ("`total = 13`", [])):
        begun = f"With `number = 9` it goes on to {told} [{first}-{first + 1}]."
        narrow = [begun, f"Then `best` follows [{first + 4}-{first + 6}]."]
        assert untold_of([*plain[:2], *narrow, *plain[3:]]) == untold


@pytest.mark.parametrize(
    ("told", "is_left_out"),
    [
        ("With `number = 3` it goes on", True),  # each other round tells its sum
        ("With `number = 3` it rises from `13` up to `21`", False),
        ("With `number = 3` it is `16`", False),
        ("With `number = 3` it goes from `'a'` to `20`", True),  # no range of numbers
    ],
)
def test_a_round_that_is_told_without_what_it_changes_is_left_out(told, is_left_out):
    first = FIRST + 2 * ROUND
    untold = untold_of([*WHOLE[:3], f"{told} [{first}-{first + ROUND - 1}].", *WHOLE[4:]])
    assert bool(untold) is is_left_out


def test_a_heading_tells_what_the_sentence_behind_it_is_about():
    first = FIRST + 2 * ROUND
    plain = f"With `number = 3` it goes on [{first}-{first + ROUND - 1}]."
    for heading, is_left_out in (("**Now `total = 16`:**", False), ("**Now the third:**", True)):
        assert bool(untold_of([*WHOLE[:3], heading, plain, *WHOLE[4:]])) is is_left_out


def test_of_several_rounds_in_one_sentence_one_is_missed_only_where_the_variable_is_named():
    first, last = FIRST + ROUND, FIRST + 4 * ROUND - 1
    for names, is_left_out in (("`9` and `5`", False), ("`number = 9` and `number = 5`", True)):
        several = f"So it goes on with {names}: `total = 13`, `total = 16` and `total = 21` [{first}-{last}]."
        assert bool(untold_of([*WHOLE[:2], several, *WHOLE[5:]])) is is_left_out


def test_one_of_several_that_tell_nothing_of_it_is_not_missed():
    """Who never tells a sum, leaves none out."""
    plain = [sentence.replace("the sum is `total = ", "the sum is `") for sentence in WHOLE]
    assert untold_of(plain) == []


def test_what_was_so_before_is_not_so_behind_a_step():
    first = FIRST + 3 * ROUND
    cited = f"[{first}-{first + ROUND - 1}]"
    for sentence, is_wrong in (
        ("The round with `number = 5` is over, `total = 16`", True),
        ("The round with `number = 5` begins after `total = 16`", False),
        ("The round with `number = 5` has `total = 16`, then `total = 21`", False),
    ):
        sentences = [*WHOLE[:4], f"{sentence} {cited}.", *WHOLE[5:]]
        wrong = {each.kind for each in verdict_of(sentences).findings if each.outcome is Outcome.CONTRADICTED}
        assert wrong == ({Kind.ASSIGNMENT} if is_wrong else set()), sentence


FILLED = """\
def main_solution(numbers):
    kept = []
    for number in numbers:
        kept.append(number)
    return kept
"""


def test_what_is_put_into_a_list_may_be_told_without_the_whole_list():
    run = execute(FILLED, ARGUMENTS)
    lines = run.trace.split("\n")
    first = next(index for index, line in enumerate(lines, 1) if "for number" in line)
    sentences = [f"At first `kept = []` [1-{first - 1}]."]
    for place, number in enumerate((4, 9, 3, 5, 7)):
        whole = "" if number == 3 else f", which makes `kept = {[4, 9, 3, 5, 7][: place + 1]}`"
        cited = f"[{first + 4 * place}-{first + 4 * place + 3}]"
        sentences.append(f"With `number = {number}` we append `{number}`{whole} {cited}.")
    end = f"All is there [{first + 20}-{len(lines)}]."
    text = "\n\n".join([*sentences, end, "**Final output:** `[4, 9, 3, 5, 7]`"])
    assert verify(text, run).coverage == 1.0


CALLING = """\
def largest(numbers):
    best = 0
    for number in numbers:
        best = max(best, number)
    return best


def main_solution(rows):
    return [largest(row) for row in rows]
"""


def test_a_call_that_one_sentence_tells_as_a_whole_may_be_told_in_short():
    arguments = '{"rows": [[4], [9], [3]]}'
    lines = execute(CALLING, arguments).trace.split("\n")
    begin, *_ = calls = [index for index, line in enumerate(lines, 1) if ">>> Call to largest" in line]
    ends = [index for index, line in enumerate(lines, 1) if "<<< Return value from largest" in line]
    told = [f"It begins [1-{begin - 1}]."]
    for first, last, number in zip(calls[:2], ends[:2], (4, 9), strict=True):
        told.append(f"`best = 0`, and with `number = {number}` we get `best = {number}` [{first}-{last}].")
    for first, is_left_out in ((calls[2], False), (calls[2] + 2, True)):
        short = f"The last row gives `3` [{first}-{ends[2]}]."
        text = "\n\n".join([*told, short, f"Done [{ends[2] + 1}-{len(lines)}].", "**Final output:** `[4, 9, 3]`"])
        verdict = verify(text, execute(CALLING, arguments, text))
        assert bool(verdict.untold) is is_left_out
