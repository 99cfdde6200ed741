"""How a test came out that a sentence does not write out: "so the condition is true", "the `else` branch is taken"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.window import Window

_UNSURE = re.compile(
    r"\b(?:if|when|whenever|until|unless|not|no|neither|never|as long as|while)\b[^.;]*$", re.IGNORECASE
)
_BRANCH = re.compile(
    r"(?P<word>‹\w\d+›|\bif|\belse)[- ](?:branch|part|block|clause) (?:is|gets) (?:taken|entered|executed|run|chosen)",
    re.IGNORECASE,
)
_TESTED = re.compile(
    r"\b(?:conditions?|tests?|checks?|comparisons?)(?: ‹W\d+›)?(?: (?:thus|therefore|then|itself|here))? "
    r"(?:is|are|comes out|come out|turns out|evaluates to)(?: (?:thus|again|now|therefore|also|both|all|indeed))* (?P<word>true|false|met|satisfied)\b",
    re.IGNORECASE,
)
_LOOP = r"\b(?:loop|range|list|string|text|dictionary|slice|iteration)\b"
_GOES_ON = re.compile(
    rf"{_LOOP}[^.;:‹]*\b(?:(?:is|are) not (?:yet )?(?:over|finished|used up|exhausted|done)|goes on(?! to)|continues(?! with)|goes round again)\b"
    r"|\bnot (?:yet )?used up\b|\bstill (?:has|an?|one|some|another|more) [^.;‹]*\bleft\b|\bstill has (?:more )?\w+ ",
    re.IGNORECASE,
)


def check_outcomes(context: Context) -> Iterator[Check]:
    """Judge the outcomes that a sentence with lines of its own tells."""
    window = context.window
    if window is not None and context.attributed and context.cited and window.core_complete and not context.is_open:
        yield from _tested(context, window)
        yield from _branched(context, window)
        yield from _going_on(context, window)


def _tested(context: Context, window: Window) -> Iterator[Check]:
    """``so the condition is true``: one at these lines came out so."""
    for match in _TESTED.finditer(context.mask):
        wanted = match["word"].lower() != "false"
        made = window.all_outcomes
        if made and wanted not in made and not _UNSURE.search(context.mask[: match.start()]):
            yield Check.of(context.sentence, Kind.CONDITION, f"no condition there is {str(wanted).lower()}")


def _branched(context: Context, window: Window) -> Iterator[Check]:
    """``the `else` branch is taken``: a condition at these lines came out so."""
    for match in _BRANCH.finditer(context.mask):
        word = match["word"]
        if word.startswith("‹"):
            word = context.sentence.code_of(context.tokens(word)[0]).rstrip(":")
        if word.lower() in {"if", "else"} and window.branches == {word.lower() == "else"}:
            yield Check.of(context.sentence, Kind.CONDITION, f"the {word} branch is not taken")


def _going_on(context: Context, window: Window) -> Iterator[Check]:
    """``the loop goes on``: a loop at these lines has another round."""
    for match in _GOES_ON.finditer(context.mask):
        is_heading = context.mask[match.end() :].startswith(":")  # of what follows
        if window.another_round == {False} and not is_heading:
            yield Check.of(context.sentence, Kind.CONDITION, f"no loop there has another round: {match[0]}")
