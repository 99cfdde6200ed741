"""One line of a corpus goes in, one checked problem comes out, or the field that is at fault.

Nothing is changed on the way: what Python's json cannot hold exactly is rejected, not rounded. NaN and Infinity, which
Python writes into JSON, are values like any other. Lines are parsed one by one and a problem travels on as JSON text,
because its values are of any type, which no typed column can hold.
"""

from __future__ import annotations

import json
import math
from hashlib import blake2b
from typing import Any

from execground_ray.corpus.adapters import ADAPTERS, PYEDU
from execground_ray.corpus.splits import MAX_LINE_BYTES, Raw
from execground_ray.records import Problem, Reason

MAX_DEPTH = 100  # of nested values; later stages handle them deeper in the stack, where Python's own limit is nearer

REQUIRED = {"problem_description": str, "io_requirements": str, "refcode": str, "funcname": str, "ios": list}
OPTIONAL = {"source": str, "category": str, "meta": dict}
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


def parse_line(raw: Raw, layout: str = PYEDU) -> dict[str, Any]:
    """Check one line of JSON, or one row of columns, and return exactly the fields of ``Problem``, in its order.

    ``layout`` names the adapter that knows the source's own fields.

    ``source``, ``category`` and ``meta`` may be absent or null, and ``ios`` null, which means no pairs. In a row of
    columns ``ios``, ``meta``, and ``input`` and ``output`` together, may also be JSON text, and a lone column ``text``
    holds the line itself. Arguments that are null in a column of real structs are left out: Arrow gives every row the
    union of all arguments, so that null there means that the problem has no such argument.

    Raises:
        LineError: it is no problem.
    """
    record: Any
    if isinstance(raw, bytes):
        record = _decode(raw)
    elif "text" in raw and "refcode" not in raw:
        record = _decode_text(raw["text"], "text")
    else:
        record = _from_columns(raw)
    _expect(record, dict, "")
    record = ADAPTERS[layout](record)
    problem = {}
    for field in Problem.__dataclass_fields__:
        value = record.get(field)
        if field in REQUIRED and field not in record:
            raise LineError(Reason.MISSING_FIELD, f"{field}: missing")
        if value is None and (field in OPTIONAL or field == "ios"):
            value = OPTIONAL.get(field, list)()
        _expect(value, (REQUIRED | OPTIONAL)[field], field)
        problem[field] = value
    problem["ios"] = [_pair(pair, f"ios[{index}]") for index, pair in enumerate(problem["ios"])]
    if _deeper(problem, MAX_DEPTH):
        raise LineError(Reason.WRONG_TYPE, f"nested more than {MAX_DEPTH} deep")
    return problem


def to_json(problem: dict[str, Any]) -> bytes:
    """Write what ``parse_line`` returned as one line; equal problems give equal bytes, however they were stored.

    Raises:
        LineError: a field holds a lone surrogate, or a value that JSON has not (dates and bytes in Parquet columns).
    """
    parts = []
    for field, value in problem.items():
        try:
            parts.append(f'"{field}": {json.dumps(value, ensure_ascii=False)}'.encode())
        except UnicodeEncodeError as error:
            raise LineError(Reason.INVALID_UNICODE, f"{field}: a lone surrogate") from error
        except (TypeError, ValueError) as error:
            raise LineError(Reason.WRONG_TYPE, f"{field}: {error}") from error
    return b"{" + b", ".join(parts) + b"}"


def content_hash(content: bytes) -> int:
    """The 64-bit number that a row's id writes in hexadecimal; copies of the same content get an ordinal besides."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")


def content_id(content: bytes) -> str:
    """The id of a row with this content, if it is the first of its copies."""
    return f"{content_hash(content):016x}"


def raw_content(raw: Raw) -> bytes:
    """What stands for a line that is no problem when its id is computed."""
    return raw if isinstance(raw, bytes) else repr(raw).encode("utf-8", "surrogatepass")


def _decode(raw: bytes) -> Any:
    """Parse the bytes of one line."""
    if len(raw) >= MAX_LINE_BYTES:
        raise LineError(Reason.MALFORMED_JSON, f"a line of more than {MAX_LINE_BYTES >> 20} MB")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        fault = f"byte 0x{byte:02x} at column {error.start + 1} is not UTF-8"
        raise LineError(Reason.INVALID_UNICODE, fault) from error
    return _decode_text(text, "")


def _decode_text(text: Any, field: str) -> Any:
    """Parse JSON text; ``field`` is where it stood, empty for the whole line."""
    _expect(text, str, field)
    prefix = f"{field}: " if field else ""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_float=_float)
    except LineError as error:
        raise LineError(error.reason, f"{prefix}{error}") from None
    except json.JSONDecodeError as error:
        fault = f"{prefix}{error.msg} at column {error.colno}"
        raise LineError(Reason.MALFORMED_JSON, fault) from error
    except RecursionError as error:
        raise LineError(Reason.WRONG_TYPE, f"{prefix}nested more than {MAX_DEPTH} deep") from error
    except ValueError as error:  # Python's limit on reading integers, 4,300 digits
        raise LineError(Reason.WRONG_TYPE, f"{prefix}an integer of too many digits") from error


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


def _from_columns(columns: dict[str, Any]) -> dict[str, Any]:
    """A row of Parquet or ``datasets`` as the record that it stands for."""
    record = dict(columns)
    for field in ("ios", "meta"):
        if isinstance(record.get(field), str):
            record[field] = _decode_text(record[field], field)
        elif field == "ios" and isinstance(record.get(field), list):
            record[field] = [_pair_of_columns(pair, f"ios[{i}]") for i, pair in enumerate(record[field])]
    return record


def _pair_of_columns(pair: Any, field: str) -> Any:
    """An element of an ``ios`` column, of JSON texts or of real structs."""
    if not isinstance(pair, dict):
        return pair
    if isinstance(pair.get("input"), str):
        return {name: _decode_text(pair.get(name), f"{field}.{name}") for name in ("input", "output")}
    if isinstance(pair.get("input"), dict):
        return pair | {"input": {name: value for name, value in pair["input"].items() if value is not None}}
    return pair


def _pair(pair: Any, field: str) -> dict[str, Any]:
    """An input/output pair, checked, without anything else that stood in it."""
    _expect(pair, dict, field)
    for name in ("input", "output"):
        if name not in pair:
            raise LineError(Reason.MISSING_FIELD, f"{field}.{name}: missing")
    _expect(pair["input"], dict, f"{field}.input")
    return {"input": pair["input"], "output": pair["output"]}


def _expect(value: Any, expected: type, field: str) -> None:
    if not isinstance(value, expected):
        found = JSON_TYPES.get(type(value), f"a {type(value).__name__}")
        raise LineError(Reason.WRONG_TYPE, f"{field or 'the line'}: expected {JSON_TYPES[expected]}, found {found}")


def _deeper(value: Any, depth: int) -> bool:
    """Whether containers in ``value`` are nested more than ``depth`` deep."""
    level = [value]
    for _ in range(depth):
        level = [item for group in level for item in (group.values() if isinstance(group, dict) else group)]
        level = [item for item in level if isinstance(item, dict | list)]
        if not level:
            return False
    return True
