"""One line of a corpus goes in, one checked problem comes out, or the field that is at fault.

Nothing is changed on the way. Lines are parsed one by one and a problem travels on as JSON text, because its values are
of any type, which no typed column can hold.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from execground_ray.corpus.adapters import ADAPTERS
from execground_ray.corpus.columns import settle, to_record
from execground_ray.corpus.decoding import MAX_DEPTH, LineError, decode_line, decode_text, expect
from execground_ray.corpus.lines import Raw
from execground_ray.records import PYEDU, Reason

REQUIRED = {"problem_description": str, "io_requirements": str, "refcode": str, "funcname": str, "ios": list}
OPTIONAL = {"source": str, "category": str, "meta": dict}


def parse_line(raw: Raw, layout: str = PYEDU) -> dict[str, Any]:
    """Check one line of JSON, or one row of columns, and return exactly the fields of ``Problem``, in its order.

    ``layout`` names the adapter that knows the source's own fields, and is itself a field if it is not PyEdu's.

    ``source``, ``category`` and ``meta`` may be absent or null, and ``ios`` null, which means no pairs. A lone column
    ``text`` holds the line itself; what other columns may hold is said in ``columns.py``.

    Raises:
        LineError: it is no problem.
    """
    record: Any
    has_columns = not isinstance(raw, bytes) and ("refcode" in raw or "text" not in raw)
    if isinstance(raw, bytes):
        record = decode_line(raw)
    else:
        record = to_record(raw) if has_columns else decode_text(raw["text"], "text")
    expect(record, dict, "")
    record = ADAPTERS[layout](record)
    problem: dict[str, Any] = {}
    for field in REQUIRED | OPTIONAL:
        value = record.get(field)
        if field in REQUIRED and field not in record:
            raise LineError(Reason.MISSING_FIELD, f"{field}: missing")
        if value is None and (field in OPTIONAL or field == "ios"):
            value = OPTIONAL.get(field, list)()
        expect(value, (REQUIRED | OPTIONAL)[field], field)
        problem[field] = value
    if has_columns:
        settle(problem)
    if layout != PYEDU:  # the ids of PyEdu's problems are those that they had when there was no other layout
        problem["layout"] = layout
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


def _pair(pair: Any, field: str) -> dict[str, Any]:
    """An input/output pair, checked, without anything else that stood in it."""
    expect(pair, dict, field)
    for name in ("input", "output"):
        if name not in pair:
            raise LineError(Reason.MISSING_FIELD, f"{field}.{name}: missing")
    expect(pair["input"], dict, f"{field}.input")
    return {"input": pair["input"], "output": pair["output"]}


def _deeper(value: Any, depth: int) -> bool:
    """Whether containers in ``value`` are nested more than ``depth`` deep."""
    level = [value]
    for _ in range(depth):
        level = [item for group in level for item in (group.values() if isinstance(group, dict) else group)]
        level = [item for item in level if isinstance(item, dict | list)]
        if not level:
            return False
    return True
