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
from execground_ray.verification.tokens import Token, tokenize
from execground_ray.verification.values import Opaque, kind_of, same

_FINAL = re.compile(r"^[>\s]*\**Final output:?\**:?\**[ \t]*(?P<value>.*)\Z", re.MULTILINE | re.DOTALL | re.IGNORECASE)
_MARKED = re.compile(
    r"^[>#\s*_-]*(?:the )?(?:(?:final|overall|correct|expected|program(?:'s)?) )?(?:output|answer|result|return value|outcome)[*_]*(?: is(?: therefore| thus)?)?\s*[:：]?[*_]*(?: is)?[*_:]*\s*(?P<first>.*)$"
    r"|\b(?:final|overall) (?:output|answer|result|outcome|return value|value)\b[^.:\n`\[]{0,50}?(?: is| becomes|:)(?: therefore| thus| then| just| again| the (?:string|list|tuple|integer|number|value))*:?\**\s*(?P<second>.*)$"
    r"|\bthe (?:outcome|answer|output) is(?: therefore| thus| the (?:string|list|tuple|integer|number))*:?\**\s*(?P<third>.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_JSON_WORDS = {"true": True, "false": False, "null": None}
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


def final_line(text: str) -> re.Match[str] | None:
    """The last line of the form that is asked for."""
    last = None
    for last in _FINAL.finditer(text):
        break
    return last


def answer_findings(text: str, returned: Returned, *, attributed: bool) -> tuple[bool, list[Finding]]:
    """Whether a text ends with the value that came back, and what is wrong with its end."""
    found = final_line(text)
    if found is not None:
        return _final(text, found, returned)
    if attributed:
        return False, [
            Finding(Kind.NO_ANSWER, max(0, len(text) - 1), len(text), "has no last line with the final output")
        ]
    return _elsewhere(text, returned)


def _final(text: str, found: re.Match[str], returned: Returned) -> tuple[bool, list[Finding]]:
    start, end = found.span("value")
    written = found["value"].strip()
    words = not re.fullmatch(r"(`+)[\s\S]*\1", written) and not written.startswith(("[", "{", "(", "'", '"'))
    value = read_answer(written)
    if isinstance(value, Opaque) and words:  # "0** — there is no such subarray": of other prompts
        value = read_answer(re.split(r"\*\*|\s[—–-]\s|\n", written)[0])
    if isinstance(value, Opaque):
        if _is_notation(written.strip("`* \n"), returned):
            return True, []
        return False, [Finding(Kind.NO_ANSWER, start, end, "the final output is no literal")]
    if returned.is_meant(value):
        return True, []
    return False, [Finding(Kind.WRONG_ANSWER, start, end, f"{written[:80]} is not the value that came back")]


def _is_notation(written: str, returned: Returned) -> bool:
    """Whether it is the value as Python or JSON write it, though it cannot be read back."""
    return written in {repr(returned.recorded), repr(returned.exact), json.dumps(returned.recorded, ensure_ascii=False)}


def read_answer(written: str) -> Any:
    """A literal, also in JSON's notation; ``Opaque`` for anything else."""
    source = written.strip().strip("*").strip()
    source = re.sub(r"^(`+)([\s\S]*?)\1\.?$", r"\2", source).strip()
    if source in _JSON_WORDS:
        return _JSON_WORDS[source]
    side = parse(source)
    if side is not None and side.is_literal:
        try:
            return side.value
        except UnknownError:
            pass
    if side is not None and re.fullmatch(r"(?:set|frozenset|deque)\(.*\)|[-]?(?:inf|nan)", source, re.DOTALL):
        try:
            return side.value
        except UnknownError:
            pass
    try:
        return json.loads(source)
    except (ValueError, RecursionError):
        return Opaque(source, "", -1, False)


def _elsewhere(text: str, returned: Returned) -> tuple[bool, list[Finding]]:
    """Of texts that were not asked for the last line: what is marked as the answer, or what the end states."""
    marked = [match for match in _MARKED.finditer(text) if match.end() > len(text) - 3 * TAIL]
    for match in reversed(marked):
        written = match["first"] or match["second"] or match["third"] or ""
        start = match.end() - len(written)
        rest = text[start:]
        value = _first_value(rest)
        if value is None and not isinstance(returned.recorded, str):
            continue
        if value is not None and returned.is_meant(value[0], exact=value[1]):
            return True, []
        if isinstance(returned.recorded, str) and _states_text(rest, returned.recorded):
            return True, []
        if value is None or (_stated(text[-TAIL:], returned) and not match["first"]):
            continue
        return False, [
            Finding(
                Kind.WRONG_ANSWER, start, min(len(text), start + 80), f"{rest[:60]!r} is not the value that came back"
            )
        ]
    if _stated(text[-TAIL:], returned):
        return True, []
    return False, _unmistakable(text, returned)


def _first_value(rest: str) -> tuple[Any, bool] | None:
    """The value that a stretch begins with, and whether its notation tells types apart."""
    rest = rest.lstrip(" *_:\n>")
    if rest[:3] == "```":
        value = read_answer(re.sub(r"^```\w*\n?|\n?```[\s\S]*$", "", rest))
        return None if isinstance(value, Opaque) else (value, True)
    whole = read_answer(rest.strip().rstrip("."))
    if not isinstance(whole, Opaque):
        return whole, rest.startswith("`")
    sentence = tokenize(rest, 0, min(len(rest), 2_000), frozenset())
    for token in sentence.tokens[:1]:
        if token.start > 1 or token.scare:
            return None
        try:
            return token.value, token.marked
        except UnknownError:
            return None
    return None


def _states_text(rest: str, wanted: str) -> bool:
    """Whether a string is stated without its quotes."""
    stripped = rest.strip().strip("*_`").strip()
    return bool(wanted.strip()) and (
        stripped.strip("'\"") == wanted.strip() or stripped.split("\n")[0].strip(" *_`'\".") == wanted.strip(" .")
    )


def _tokens(text: str) -> list[Token]:
    return [token for token in tokenize(text, 0, len(text), frozenset()).tokens if token.equations]


def _stated(tail: str, returned: Returned) -> bool:
    """Whether the end of a text has the value somewhere."""
    if isinstance(returned.recorded, str) and returned.recorded.strip() and returned.recorded.strip() in tail:
        return True
    for form in (returned.recorded, returned.exact):
        if not isinstance(form, Opaque) and isinstance(form, list | tuple | dict) and repr(form) in tail:
            return True
    if isinstance(returned.recorded, bool) or returned.recorded is None:
        return bool(re.search(rf"\b{returned.recorded}\b", tail, re.IGNORECASE))
    for token in _tokens(tail):
        for sides in token.equations:
            for side in sides:
                try:
                    if returned.is_meant(side.value, exact=False):
                        return True
                except UnknownError:
                    continue
    return False


def _unmistakable(text: str, returned: Returned) -> list[Finding]:
    """The end states another value of the same kind, marked, and the right one nowhere."""
    start = max(text.rfind("\n\n", 0, len(text.rstrip())), len(text) - TAIL, 0)
    others = []
    for token in _tokens(text[start:]):
        try:
            value = token.value
        except UnknownError:
            continue
        if kind_of(value) == kind_of(returned.recorded) and (token.marked or isinstance(value, list | dict | tuple)):
            others.append((token, value))
    if not others or isinstance(returned.recorded, bool):
        return [Finding(Kind.NO_ANSWER, max(0, len(text) - 1), len(text), "no answer is found", Outcome.UNKNOWN)]
    token = others[-1][0]
    return [
        Finding(
            Kind.WRONG_ANSWER, start + token.start, start + token.end, "the end does not state the value that came back"
        )
    ]
