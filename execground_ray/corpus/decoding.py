"""The bytes of a line or JSON text go in, the value comes out exactly as it was written, or why there is none.

Nothing is changed on the way: what Python's json cannot hold exactly is refused, not rounded. NaN and Infinity, which
Python writes into JSON, are values like any other.
"""

from __future__ import annotations

import json
import math
from typing import Any

from execground_ray.corpus.lines import MAX_LINE_BYTES
from execground_ray.records import Reason

MAX_DEPTH = 100  # of nested values; later stages handle them deeper in the stack, where Python's own limit is nearer
BOM = "\ufeff"  # what some editors put before a text
JSON_TYPES = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    type(None): "null",
}


class LineError(ValueError):
    """A line that is no problem: the reason, and in words the field and the fault."""

    def __init__(self, reason: Reason, fault: str) -> None:
        super().__init__(fault)
        self.reason = reason


def decode_line(raw: bytes) -> Any:
    """Parse the bytes of one line.

    Raises:
        LineError: they are no JSON.
    """
    if len(raw) >= MAX_LINE_BYTES:
        raise LineError(Reason.MALFORMED_JSON, f"a line of more than {MAX_LINE_BYTES >> 20} MB")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        fault = f"byte 0x{byte:02x} at column {error.start + 1} is not UTF-8"
        raise LineError(Reason.INVALID_UNICODE, fault) from error
    return decode_text(text, "")


def decode_text(text: Any, field: str) -> Any:
    """Parse JSON text; ``field`` is where it stood, empty for the whole line.

    Raises:
        LineError: it is no JSON, or no text.
    """
    expect(text, str, field)
    prefix = f"{field}: " if field else ""
    try:
        return json.loads(text.removeprefix(BOM), object_pairs_hook=_object, parse_float=_float)
    except LineError as error:
        raise LineError(error.reason, f"{prefix}{error}") from None
    except json.JSONDecodeError as error:
        fault = f"{prefix}{error.msg} at column {error.colno}"
        raise LineError(Reason.MALFORMED_JSON, fault) from error
    except RecursionError as error:
        raise LineError(Reason.WRONG_TYPE, f"{prefix}nested more than {MAX_DEPTH} deep") from error
    except ValueError as error:  # Python's limit on reading integers, 4,300 digits
        raise LineError(Reason.WRONG_TYPE, f"{prefix}an integer of too many digits") from error


def expect(value: Any, expected: type, field: str) -> None:
    """Refuse a value of another type than ``expected``; ``field`` is where it stood, empty for the whole line."""
    if not isinstance(value, expected):
        found = JSON_TYPES.get(type(value), f"a {type(value).__name__}")
        raise LineError(Reason.WRONG_TYPE, f"{field or 'the line'}: expected {JSON_TYPES[expected]}, found {found}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that names a key twice: Python would silently drop the first value."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise LineError(Reason.MALFORMED_JSON, f"the key {twice[:80]!a} stands twice in an object")
    return values


def _float(digits: str) -> float:
    """Refuse a number that would silently turn into infinity."""
    number = float(digits)
    if math.isinf(number):
        raise LineError(Reason.WRONG_TYPE, f"the number {digits[:80]} is out of range")
    return number
