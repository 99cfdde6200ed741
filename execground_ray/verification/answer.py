"""The final output: the literal on the last line, held against the value that came back, by type and value.

``**Final output:** `[1, 2]` `` is the form that is asked for. Texts of other prompts state it where it is marked
(``Final answer: …``, ``The outcome is …``) or, unmistakably, in their last sentences.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass
from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.finding import Finding, Kind, Outcome
from execground_ray.verification.notation import parse
from execground_ray.verification.tokens import tokenize
from execground_ray.verification.values import Opaque, kind_of, same

_FINAL = re.compile(r"^[>\s]*\**Final output:?\**:?\**[ \t]*(?P<value>.*)\Z", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_MARKED = re.compile(
    r"^[>#\s*_-]*(?:the )?(?:(?:final|overall|correct|expected|program(?:'s)?) )?(?:output|answer|result|return value|outcome)[*_]*(?: is(?: therefore| thus)?)?\s*[:：]?[*_]*(?: is)?[*_:]*\s*(?P<first>.*)$"
    r"|\b(?:final|overall) (?:output|answer|result|outcome|return value|value)\b[^.:\n`\[]{0,50}?(?: is| becomes|:)(?: therefore| thus| then| just| again| the (?:string|list|tuple|integer|number|value))*:?\**\s*(?P<second>.*)$"
    r"|\bthe (?:outcome|answer|output) is(?: therefore| thus| the (?:string|list|tuple|integer|number))*:?\**\s*(?P<third>.*)$",
    re.IGNORECASE | re.MULTILINE,
)
TAIL = 450  # characters from the end in which an answer is looked for


@dataclass(frozen=True)
class Returned:
    """What came back.

    Attributes:
        recorded: As decoded from JSON.
        exact: As the program returned it, ``Opaque`` where that is not known.
    """

    recorded: Any
    exact: Any

    def is_meant(self, value: Any, *, exact: bool = True) -> bool:
        """Whether a text that states ``value`` states what came back; ``exact`` tells 1 from 1.0."""
        forms = [self.recorded] if isinstance(self.exact, Opaque) else [self.exact, self.recorded]
        return any(_equal(value, form, exact) for form in forms)


def _equal(value: Any, wanted: Any, exact: bool) -> bool:
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return same(value, wanted) and (type(value) is type(wanted) or not exact)
    if isinstance(value, list | tuple | deque) and isinstance(wanted, list | tuple | deque):
        if isinstance(value, tuple) is not isinstance(wanted, tuple) or len(value) != len(wanted):
            return False
        return all(_equal(left, right, exact) for left, right in zip(value, wanted, strict=True))
    if isinstance(value, dict) and isinstance(wanted, dict):
        return _keys(value) == _keys(wanted) and all(_equal(value[key], wanted[key], exact) for key in value)
    return kind_of(value) == kind_of(wanted) and same(value, wanted)


def _keys(value: dict[Any, Any]) -> set[tuple[str, Any]]:
    return {(kind_of(key), key) for key in value}


def answer_findings(text: str, returned: Returned, *, attributed: bool) -> tuple[bool, list[Finding]]:
    """Whether a text ends with the value that came back, and what is wrong with its end."""
    found = _FINAL.search(text)
    if found is not None:
        return _final(found, returned)
    if attributed:
        return False, [
            Finding(Kind.NO_ANSWER, max(0, len(text) - 1), len(text), "has no last line with the final output")
        ]
    return _elsewhere(text, returned)


def _final(found: re.Match[str], returned: Returned) -> tuple[bool, list[Finding]]:
    start, end = found.span("value")
    written = found["value"].strip()
    value = read_answer(written)
    if isinstance(value, Opaque) and written[:1] not in "`[{('\"":  # "0** - there is no such list": of other prompts
        value = read_answer(re.split(r"\*\*|\s[—–-]\s|\n", written)[0])
    if isinstance(value, Opaque):
        if written.strip("`* \n") in {repr(returned.recorded), repr(returned.exact)}:  # too long to be read back
            return True, []
        return False, [Finding(Kind.NO_ANSWER, start, end, "the final output is no literal")]
    if returned.is_meant(value):
        return True, []
    return False, [Finding(Kind.WRONG_ANSWER, start, end, f"{written[:80]} is not the value that came back")]


def read_answer(written: str) -> Any:
    """A literal, also in JSON's notation; ``Opaque`` for anything else."""
    source = re.sub(r"^(`+)([\s\S]*?)\1\.?$", r"\2", written.strip().strip("*").strip()).strip()
    side = parse(source)
    if side is not None and (side.is_literal or re.fullmatch(r"(?:set|frozenset|deque)\(.*\)", source, re.DOTALL)):
        try:
            return side.value
        except UnknownError:
            pass
    try:
        return json.loads(source)
    except (ValueError, RecursionError):
        return Opaque(source, "", -1, False)


def _elsewhere(text: str, returned: Returned) -> tuple[bool, list[Finding]]:
    """Of texts that were not asked for the last line: what is marked as the answer, or else that the end has it."""
    words = [repr(returned.recorded), repr(returned.exact), str(returned.recorded).strip() or repr(returned.recorded)]
    stated = any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text[-TAIL:], re.IGNORECASE) for word in words)
    for match in reversed([match for match in _MARKED.finditer(text) if match.end() > len(text) - 3 * TAIL]):
        written = match["first"] or match["second"] or match["third"] or ""
        start = match.end() - len(written)
        value = _first_value(text[start:])
        if value is not None and returned.is_meant(value[0], exact=value[1]):
            return True, []
        if isinstance(returned.recorded, str) and _states_text(text[start:], returned.recorded):
            return True, []
        if value is not None and not (stated and not match["first"]):
            message = f"{written[:60]!r} is not the value that came back"
            return False, [Finding(Kind.WRONG_ANSWER, start, match.end(), message)]
    missing = Finding(Kind.NO_ANSWER, max(0, len(text) - 1), len(text), "no answer is found", Outcome.UNKNOWN)
    return stated, [] if stated else [missing]


def _first_value(rest: str) -> tuple[Any, bool] | None:
    """The value that a stretch begins with, and whether its notation tells types apart."""
    rest = re.sub(r"^```\w*\n?|(?<=\n)```[\s\S]*$", "", rest.lstrip(" *_:\n>"))
    whole = read_answer(rest.strip().rstrip("."))
    if not isinstance(whole, Opaque):
        return whole, rest.startswith("`")
    for token in tokenize(rest, 0, min(len(rest), 2_000), frozenset()).tokens[:1]:
        if token.start <= 1 and not rest.startswith(('"', "“")):  # those quote words, too
            try:
                return token.value, token.marked
            except UnknownError:
                return None
    return None


def _states_text(rest: str, wanted: str) -> bool:
    """Whether a string is stated without its quotes."""
    whole, line = (each.strip(" *_`'\".\n") for each in (rest, rest.strip().split("\n")[0]))
    return bool(wanted.strip()) and wanted.strip(" *_`'\".\n") in {whole, line}
