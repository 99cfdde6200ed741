"""The final answer that a text states, and whether it is the value that came back, by type and by value.

Comes in: the text, the exact value from JSON, and the trace, whose last line shows the value as Python prints it (a
tuple, a dictionary with integer keys). Goes out: every closing statement of the answer with its verdict.

How strict: a number in quotation marks is a string and a bare one is not, unless the words say "the string"; a list is
not a tuple unless the program returned a tuple; ``true`` is ``True``; ``1,000`` and ``2.50`` are read by value, but an
integer in code is not a float. A string may stand without quotation marks where nothing else could be meant.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from execground_ray.verification.citing import NUMBER_WORDS, Reader
from execground_ray.verification.expressions import Evaluator, Scope, Unsupported
from execground_ray.verification.history import OPAQUE
from execground_ray.verification.parsed import parse_expression
from execground_ray.verification.reading import lowered, occurrences, plain, unmath
from execground_ray.verification.snoop_text import parse_value

_IS = r"(?:\s*(?:is|are|was|will be|would be|becomes?|equals?|as|=|→|:)(?:\s+(?:therefore|thus|then|hence|simply|just|indeed|also|again|as follows|exactly|now))*\s*:?)"
_NOUN = r"(?:outputs?|answers?|results?|return(?:ed)?[ ]values?|values?[ ]returned|solution)"
_STRONG = re.compile(
    rf"(?P<final>\b(?:final|overall|expected|correct|resulting|predicted)[ ](?:program[ ]|function[ ])?(?:{_NOUN}|(?:return[ ])?value|list|string|count|number)\b[^\n.:=]{{0,60}}?)"
    rf"[*_`\"]*(?:{_IS}|\s*\n)[*_]*"
    rf"|(?P<plain>^[#>*_\s]*(?:{_NOUN})[*_]*\s*(?::|\n)[*_]*)"
    rf"|(?P<noun>\b(?:the|our|its|this|program's|function's)[ ]{_NOUN}\b(?:[ ](?:of|for|to|from|that|returned|printed|produced)\b[^\n.:=]{{0,60}}?)?[*_]*{_IS}[*_]*)",
    re.IGNORECASE | re.MULTILINE,
)
_FINAL = ("final", "overall", "expected", "correct", "resulting", "predicted")
_LONGEST = 200  # characters from the beginning of such words to their end
_KEY = re.compile(r"\{\s*\"(?:output|result|answer)\"\s*:")
_BOXED = re.compile(r"\\boxed\s*\{")
_SUBJECT = r"(?:main_solution\b(?:\([^()\n]*\))?|\b(?:function|program|code|solution|algorithm|method|call|it|we|this|and|so|which|finally|therefore|thus|ultimately)\b)"
_WEAK = re.compile(
    rf"{_SUBJECT}[^.\n]{{0,60}}?\b(?:returns?|returned|returning|outputs?|prints?|produces?|arrive at|end up with|left with)\b"
    r"(?:[ ](?:is|are|back))?\s*:?"
    r"|\b(?:main_solution(?:\([^()\n]*\))?`?|function|program|code|solution|algorithm)[^.\n`]{0,30}?\b(?:gives?|yields?|evaluates? to)\b\s*:?",
    re.IGNORECASE,
)
_PASSIVE = re.compile(
    r"\b(?:is|are|gets|being)[ ](?:(?:then|also|therefore|thus|finally|what is|what)[ ])*(?:returned|the[ ](?:final[ ]|overall[ ])?(?:answer|output|result|return value))",
    re.IGNORECASE,
)
_WRAPPERS = frozenset("output result answer final_answer final_output return return_value returned value".split())
_TYPE_OF_TEXT = re.compile(r"\b(?:string|text|str)\b", re.IGNORECASE)
_EMPTY = re.compile(r"\b(?:an?[ ])?empty[ ](list|array|string|dictionary|dict|set|tuple|object)\b", re.IGNORECASE)
_EMPTY_VALUES: dict[str, Any] = {"list": [], "array": [], "string": "", "dictionary": {}, "dict": {}, "object": {}, "set": set(), "tuple": ()}  # fmt: skip
_FENCE = re.compile(r"^\s*(?:```|~~~)[^\n]*\n(.*?)\n?\s*(?:```|~~~)", re.DOTALL)
MAX_PLACES = 40  # the last so many that may state the answer are read
MAX_ANSWER = 20_000  # characters of an answer in LaTeX
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n\s*\n|;\s")


@dataclass(frozen=True)
class Statement:
    """One place where the text states the answer."""

    start: int
    end: int
    right: bool
    whole: bool = False  # the answer, to the letter, is all that follows


@dataclass(frozen=True)
class _Reading:
    value: Any
    exact: bool  # set as code or JSON: the notation can tell an integer from a float
    end: int


class Answer:
    """What one run returned, and the ways to write it."""

    def __init__(self, returned: Any, trace: str) -> None:
        self.returned = returned
        shown = parse_value(trace.rstrip().rpartition("Return value from ")[2].partition(": ")[2])
        self.forms = [returned] if shown is OPAQUE else [returned, shown]

    def equals(self, value: Any, exact: bool) -> bool:
        """Whether ``value`` is the answer in one of its forms."""
        return any(_same(value, form, exact) for form in self.forms)

    def is_notation(self, text: str) -> bool:
        """Whether ``text`` is the answer to the letter, as Python or JSON write it; also where it cannot be read back."""
        return text in {repr(self.returned), json.dumps(self.returned), json.dumps(self.returned, ensure_ascii=False)}

    def is_text(self, text: str) -> bool:
        """Whether ``text``, as it stands, can only be meant as the answer, a string."""
        if not isinstance(self.returned, str):
            return False
        lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
        wanted = [line.strip() for line in self.returned.strip().splitlines() if line.strip()]
        return lines == wanted and parse_value_strict(text.strip()) is OPAQUE


def find_statements(text: str, returned: Any, trace: str) -> list[Statement]:
    """Every closing statement of the answer; the last one is the text's answer.

    Args:
        text: The text as written.
        returned: The exact value that came back, decoded from JSON.
        trace: The trace; its last line shows the value as Python prints it.
    """
    answer = Answer(returned, trace)
    near = len(text) - max(500, 3 * len(json.dumps(returned, default=str)))
    statements = []
    for start, begin in _markers(text, near):
        statement = _read(text, start, begin, answer)
        if statement is not None:
            statements.append(statement)
    if statements:
        return statements
    return _closing_sentence(text, answer, trace)


def _markers(text: str, near: int) -> list[tuple[int, int]]:
    """Where the words begin and end behind which an answer stands: a final one anywhere, others not before ``near``."""
    found = [
        match.span()
        for match in _STRONG.finditer(text, max(0, near - _LONGEST))
        if match["final"] or match.end() >= near
    ]
    first, lower = min(found, default=(near,))[0], lowered(text)
    for place in (place for word in _FINAL for place in occurrences(word, lower) if place < first):
        match = _STRONG.match(text, place)
        if match:
            found.append(match.span())
    found += [(match.start(), match.start()) for pattern in (_BOXED, _KEY) for match in pattern.finditer(text)]
    return sorted(set(found))[-MAX_PLACES:]


def _read(text: str, start: int, begin: int, answer: Answer) -> Statement | None:
    rest = text[begin:]
    if answer.is_notation(_bare(rest)):
        return Statement(start, len(text), True, whole=True)
    if (
        answer.is_text(_bare(rest))
        or answer.is_text(_bare(rest.split("\n\n")[0]))
        or answer.is_text(_bare(rest.strip().split("\n")[0]))
    ):
        return Statement(start, len(text), True)
    readings = list(_readings(rest))
    if not readings:
        # A block of words where a string is due, and not the one that is due.
        meant = isinstance(answer.returned, str) and text[:begin].rstrip("*_ \n").endswith(":")
        short = 0 < len(rest.strip()) <= 2 * len(answer.returned) + 40 if meant else False
        return Statement(start, len(text), False) if short else None
    reading = readings[0]
    words = text[start:begin] + rest[: reading.end]
    right = answer.equals(reading.value, reading.exact)
    if not right and isinstance(answer.returned, str) and _TYPE_OF_TEXT.search(words):
        right = (
            _bare(rest).rstrip(".").strip("'\"`*_ ") == answer.returned
            or answer.returned in rest[: reading.end + 1].split()
        )
    if not right:
        right = any(answer.equals(each.value, each.exact) for each in readings[1:] if each.end == reading.end)
    return Statement(start, begin + reading.end, right)


def _bare(text: str) -> str:
    fenced = _FENCE.match(text)
    if fenced:
        return fenced[1]
    text = text.strip()
    for mark in ("**", "__", "*", "`", "$"):
        if text.startswith(mark) and text.rstrip(".").endswith(mark) and len(text) > 2 * len(mark):
            text = text.rstrip(".") if text.endswith(".") else text
            text = text[len(mark) : -len(mark)]
    return text


def _readings(rest: str) -> Iterator[_Reading]:
    """What the beginning of ``rest`` can be read as, the likeliest first."""
    boxed = _BOXED.match(rest)
    if boxed:
        close = _matching(rest, boxed.end() - 1)
        content = unmath(rest[boxed.end() : close]).strip()
        yield from (_Reading(each.value, False, close + 1) for each in _values(content))
        return
    fenced = _FENCE.match(rest)
    if fenced:
        yield from (_Reading(each.value, True, fenced.end()) for each in _values(fenced[1]))
        return
    lead = re.match(r"[\s>*_:#]*", rest)
    offset = lead.end() if lead else 0
    for reading in _values(rest[offset:]):
        yield _Reading(reading.value, reading.exact, offset + reading.end)


def _matching(text: str, opening: int) -> int:
    depth = 0
    for index in range(opening, min(len(text), opening + MAX_ANSWER)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return len(text)


def _values(text: str) -> Iterator[_Reading]:
    """The values that a stretch of text begins with: JSON, a literal, or the first one in its sentence."""
    try:
        value, end = json.JSONDecoder().raw_decode(text)
        if isinstance(value, dict | list | str) or not re.match(r"[\w.,]*\w", text[end:]):
            yield _Reading(_unwrap(value), True, end)
    except (ValueError, RecursionError):
        pass
    stop = _SENTENCE_END.search(text, 0)
    head = text[: stop.start()] if stop and "`" not in text[: stop.start()] else text
    empty = _EMPTY.search(head[:80])
    if empty:
        yield _Reading(_EMPTY_VALUES[empty[1].lower()], True, empty.end())
    read = plain(text)
    for operand in Reader(read, frozenset()).operands():
        if _SENTENCE_END.search(text[: operand.start].replace("e.g.", "").replace("i.e.", "")) and operand.start > 3:
            return
        if not operand.closed:
            continue
        try:
            value = Evaluator().evaluate(operand.node, Scope({}))
        except (Unsupported, NameError, ArithmeticError, ValueError, TypeError, LookupError):
            continue
        exact = operand.code or isinstance(value, list | tuple | dict | set | str)
        yield _Reading(_unwrap(value), exact and not operand.word, operand.end)


def _unwrap(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        key, inner = next(iter(value.items()))
        if isinstance(key, str) and key.lower() in _WRAPPERS:
            return inner
    return value


def _closing_sentence(text: str, answer: Answer, trace: str) -> list[Statement]:
    """Without any of the usual words: what the last sentences say was returned."""
    tail = max(0, len(text) - 400)
    main = re.search(r">>> Call to (\w+)", trace)
    for match in reversed(list(_WEAK.finditer(text, tail))):
        subjects = re.findall(r"`([A-Za-z_][\w.]*)(?:\([^`]*\))?`", match.group())
        if any(subject != (main[1] if main else "main_solution") for subject in subjects):
            continue  # what another function returned is not the answer
        statement = _read(text, match.start(), match.end(), answer)
        if statement is not None and len(text) - statement.end < 250:
            return [statement]
    for match in reversed(list(_PASSIVE.finditer(text, tail))):
        begin = max(text.rfind(". ", 0, match.start()) + 1, text.rfind("\n", 0, match.start()) + 1)
        readings = list(_readings(text[begin : match.start()]))
        if readings:
            right = answer.equals(readings[-1].value, readings[-1].exact)
            return [Statement(begin, match.end(), right)]
    return []


def parse_value_strict(text: str) -> Any:
    """A literal in Python's or JSON's notation or a number in words; ``OPAQUE`` for anything else."""
    parsed = parse_expression(text.replace("true", "True").replace("false", "False").replace("null", "None"))
    if parsed is None or parsed[1]:
        return NUMBER_WORDS.get(text.lower(), OPAQUE)
    try:
        return ast.literal_eval(parsed[0])
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return OPAQUE


def _same(value: Any, wanted: Any, exact: bool) -> bool:
    """Equal by type and value."""
    if isinstance(value, bool) or isinstance(wanted, bool) or value is None or wanted is None:
        return value is wanted
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        if type(value) is not type(wanted) and exact:
            return False
        return value == wanted or math.isclose(value, wanted, rel_tol=1e-12, abs_tol=0.0)
    if type(value) is not type(wanted):
        return False
    if isinstance(value, list | tuple):
        return len(value) == len(wanted) and all(
            _same(left, right, True) for left, right in zip(value, wanted, strict=True)
        )
    if isinstance(value, dict):
        return value.keys() == wanted.keys() and all(_same(value[key], wanted[key], True) for key in value)
    return bool(value == wanted)
