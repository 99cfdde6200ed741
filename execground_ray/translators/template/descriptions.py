"""What is said of a value that is not shown: its type, how long it is, and how it begins.

In come texts of values, whole or shortened where they were printed; out come the pieces of a description.
"""

from __future__ import annotations

import ast
import re

from execground_ray.translators.template.known_values import UnknownValueError, read_value
from execground_ray.translators.template.marks import code

SHOWN_CHARACTERS = 20  # of a long string
SHOWN_ITEMS = 3  # of a long container
MAX_BEGINNING = 80  # characters of those items
_MEASURES: dict[type, str] = {
    str: "a string of {} characters",
    list: "a list of {} items",
    tuple: "a tuple of {} items",
    set: "a set of {} items",
    dict: "a dictionary of {} entries",
}
_KINDS = {
    "<function": "a function",
    "<generator": "a generator",
    "<bound method": "a method",
    "<method": "a method",
    "<built-in": "a function",
    "<class": "a class",
    "<": "an object",
    "array(": "an array",
    "{": "a collection",
    "'": "a long string",
    '"': "a long string",
    "(": "a tuple",
    "[": "a list",
}
_OBJECT = re.compile(r"<(?:[\w.]+\.)?(\w+) (?:object(?:>$|; )|instance \()|(?!array\()([A-Za-z]\w*)\(")
_ALIKE = re.compile(r"([\[(])<(?:[\w.]+\.)?(\w+) object>(?:, <(?:[\w.]+\.)?\2 object>)*,?[\])]$")


def description(text: str) -> str:
    """Describe a value that has no exact text, claiming nothing but what is sure."""
    if match := _OBJECT.match(text):
        name = match[1] or match[2]
        return f"{article(name)} {code(name)} object"
    words = next((words for start, words in _KINDS.items() if text.startswith(start)), "an object")
    if match := _ALIKE.match(text):
        count = text.count(" object>")
        return (
            f"{words} of {count} {code(match[2])} objects" if count > 1 else f"{words} of one {code(match[2])} object"
        )
    start, key = beginning(text), first_key(text)
    words = measure(text) or ("a dictionary" if key else words)
    if start:
        return f"{words} that begins with {code(start)}"
    return f"{words} whose first key is {code(key)}" if key else words


def article(name: str) -> str:
    """Choose `a` or `an` by the first letter."""
    return "an" if name[0] in "AEIOaeio" else "a"


def measure(text: str) -> str:
    """Say of a whole value what and how long it is; of a shortened one nothing is sure."""
    try:
        value = read_value(text)
    except UnknownValueError:
        return ""
    words = _MEASURES.get(type(value))
    return words.format(len(value)) if words else ""


def beginning(text: str) -> str:
    """Give the first characters of a string as a literal, or the first items of a container."""
    if text.startswith(("'", '"')):
        return _first_characters(text)
    if not text.startswith(("[", "(", "{")):
        return ""
    start = text.partition("...")[0]
    commas = [place for place, mark in enumerate(start[: 4 * MAX_BEGINNING]) if mark == ","]
    best, count = "", 0
    for place in commas:
        if count < SHOWN_ITEMS and place <= MAX_BEGINNING and _is_literal(start[:place] + _closing(start)):
            best, count = start[1:place], count + 1
    return best


def first_key(text: str) -> str:
    """Give the first key of a dictionary, or an empty text where it may be none."""
    key, colon, _ = text[1:].partition(": ")
    return key if text.startswith("{") and colon and len(key) <= MAX_BEGINNING and _is_literal(key) else ""


def _first_characters(text: str) -> str:
    try:
        return repr(str(read_value(text))[:SHOWN_CHARACTERS])
    except UnknownValueError:
        start = text.partition("...")[0]
    for end in range(min(len(start), 5 * SHOWN_CHARACTERS), 1, -1):  # an escape sequence may be cut through
        if _is_literal(start[:end] + text[0]):
            return repr(str(ast.literal_eval(start[:end] + text[0]))[:SHOWN_CHARACTERS])
    return ""


def _closing(text: str) -> str:
    return {"[": "]", "(": ",)", "{": "}"}[text[0]]


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True
