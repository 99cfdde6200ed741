"""What is said of a value that is too long to be shown: how long it is, and how it begins.

In come texts of values, whole or shortened where they were printed; out come the pieces of a description.
"""

from __future__ import annotations

import ast

from execground_ray.translators.template.known_values import UnknownValueError, read_value

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
