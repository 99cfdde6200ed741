"""A row of Arrow columns goes in, the record that was stored in them comes out.

Arrow has forms that the values of Python do not show: JSON text is a string there, a map a list of pairs, and in a
struct the fields of all rows together stand in every row, null where a row has no such field. ``marked_rows`` marks
the first two while the rows still have their types. ``to_record`` takes them for what they are, and puts ``UNKNOWN``
where a null of a struct may be one or may be nothing; ``settle`` says which, where it can be told:

- an argument that the function needs is null, one that it does not take is absent;
- in ``meta``, which no program sees, it is absent;
- anywhere else the row is rejected: to guess would be to change the problem.

JSON text leaves no such doubt, be it a whole column or a part of one, as ``datasets`` writes values of mixed types.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from execground_ray.corpus.decoding import BOM, LineError, decode_text
from execground_ray.records import Reason

Mark = Callable[[Any], Any]

LISTS = (pa.ListType, pa.LargeListType, pa.FixedSizeListType, pa.ListViewType, pa.LargeListViewType)
UNKNOWN = object()


class JsonText(str):
    """The text of a value that Arrow holds as JSON."""

    __slots__ = ()


class MapItems(list[Any]):
    """The keys and values of a map."""

    __slots__ = ()


def marked_rows(table: pa.Table | pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the rows of a table as dictionaries of its columns, with JSON texts and maps marked."""
    rows: list[dict[str, Any]] = table.to_pylist()
    for column in table.schema:
        if (mark := marking(column.type)) is not None:
            for row in rows:
                row[column.name] = mark(row[column.name])
    return rows


def marking(kind: pa.DataType) -> Mark | None:
    """Return what marks the values of an Arrow type; None if there is nothing in them to mark."""
    mark: Mark | None = None
    if isinstance(kind, pa.JsonType):
        mark = JsonText
    elif isinstance(kind, pa.MapType):
        item = marking(kind.item_type) or _same
        mark = lambda value: MapItems((key, item(part)) for key, part in value)  # noqa: E731
    elif isinstance(kind, LISTS) and (part := marking(kind.value_type)):
        mark = lambda value: list(map(part, value))  # noqa: E731
    elif isinstance(kind, pa.StructType):
        fields = {field.name: found for field in kind if (found := marking(field.type))}
        if fields:
            mark = lambda value: value | {name: found(value[name]) for name, found in fields.items()}  # noqa: E731
    return mark and (lambda value: None if value is None else mark(value))


def to_record(columns: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a row of Parquet or ``datasets``.

    ``ios``, ``meta``, and ``input`` and ``output`` of a pair together, may be JSON text in columns of strings too.

    Raises:
        LineError: a text is no JSON, or the keys of a map are no texts or not distinct.
    """
    return {field: _column(value, field) for field, value in columns.items()}


def settle(problem: dict[str, Any]) -> None:
    """Decide in a problem what is null and what is absent, in place.

    Raises:
        LineError: it cannot be told.
    """
    problem["meta"] = _without_unknown(problem["meta"])
    signature: Signature | None = None
    for index, pair in enumerate(problem["ios"]):
        if not isinstance(pair, dict):
            continue
        for name in ("input", "output"):  # every pair has them
            if pair.get(name) is UNKNOWN:
                pair[name] = None
        arguments = pair.get("input")
        if isinstance(arguments, dict) and any(value is UNKNOWN for value in arguments.values()):
            signature = signature or Signature.of(problem["refcode"], problem["funcname"])
            pair["input"] = _arguments_of(arguments, signature, f"ios[{index}].input")
        for name in ("input", "output"):
            _refuse_unknown(pair.get(name), f"ios[{index}].{name}")


@dataclass(frozen=True)
class Signature:
    """The arguments of a function.

    Attributes:
        needed: those without a default.
        optional: those with one.
        any_other: whether it takes arguments of other names; so it is said of a function that is not found.
    """

    needed: frozenset[str]
    optional: frozenset[str]
    any_other: bool

    @classmethod
    def of(cls, code: str, name: str) -> Signature:
        """Read the arguments of a function; one that does not compile is not run anyway."""
        try:
            given = arguments_of(code, name)
        except SyntaxError:
            return cls(frozenset(), frozenset(), False)
        if given is None:
            return cls(frozenset(), frozenset(), True)
        places = [*given.posonlyargs, *given.args]
        first_default = len(places) - len(given.defaults)
        with_default = dict(zip(given.kwonlyargs, given.kw_defaults, strict=True))
        needed = [*places[:first_default], *(each for each, default in with_default.items() if default is None)]
        optional = [*places[first_default:], *(each for each, default in with_default.items() if default is not None)]
        return cls(
            frozenset(each.arg for each in needed), frozenset(each.arg for each in optional), given.kwarg is not None
        )


def arguments_of(code: str, name: str) -> ast.arguments | None:
    """Find the arguments of the last function of this name at the top of a program; None if there is none.

    Raises:
        SyntaxError: it does not compile.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the program: invalid escapes, "is" with a literal
            body = ast.parse(code.removeprefix(BOM)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise SyntaxError(str(error)) from error
    found = [arguments for statement in body if (arguments := _arguments(statement, name))]
    return found[-1] if found else None


def _arguments(statement: ast.stmt, name: str) -> ast.arguments | None:
    """The arguments of the function that a statement gives this name."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == name:
        return statement.args
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
        if any(isinstance(target, ast.Name) and target.id == name for target in statement.targets):
            return statement.value.args
    return None


def _column(value: Any, field: str) -> Any:
    """The value of a column; its own null is one."""
    if field in ("ios", "meta") and type(value) is str:
        return decode_text(value, field)
    if field == "ios" and isinstance(value, list) and not isinstance(value, MapItems):
        return [_pair(pair, f"ios[{index}]") for index, pair in enumerate(value)]
    return _plain(value, field)


def _pair(pair: Any, field: str) -> Any:
    """An element of ``ios``, of JSON texts or of real values."""
    if isinstance(pair, dict) and type(pair.get("input")) is str:
        return {name: decode_text(pair.get(name), f"{field}.{name}") for name in ("input", "output")}
    return _plain(pair, field)


def _plain(value: Any, field: str) -> Any:
    """A value without marks, and with UNKNOWN for the nulls of its structs."""
    if isinstance(value, JsonText):
        return decode_text(str(value), field)
    if isinstance(value, MapItems):
        return _object(value, field)
    if isinstance(value, list):
        return [_plain(item, f"{field}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {name: UNKNOWN if item is None else _plain(item, f"{field}.{name}") for name, item in value.items()}
    return value


def _object(items: MapItems, field: str) -> dict[str, Any]:
    """The object that a map stands for; its nulls are real."""
    values = {}
    for key, value in items:
        if type(key) is not str:
            raise LineError(Reason.WRONG_TYPE, f"{field}: the key {key!r:.80} of a map is no string")
        if key in values:
            raise LineError(Reason.MALFORMED_JSON, f"{field}: the key {key[:80]!a} stands twice in a map")
        values[key] = _plain(value, f"{field}.{key}")
    return values


def _arguments_of(arguments: dict[str, Any], signature: Signature, field: str) -> dict[str, Any]:
    """The arguments of a call, those that are null and those that are absent told apart."""
    told = {}
    for name, value in arguments.items():
        if value is not UNKNOWN or name in signature.needed:
            told[name] = None if value is UNKNOWN else value
        elif name in signature.optional or signature.any_other:
            raise _unknown(f"{field}.{name}")
    return told


def _without_unknown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_unknown(item) for name, item in value.items() if item is not UNKNOWN}
    return [_without_unknown(item) for item in value] if isinstance(value, list) else value


def _refuse_unknown(value: Any, field: str) -> None:
    if value is UNKNOWN:
        raise _unknown(field)
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_unknown(item, f"{field}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_unknown(item, f"{field}[{index}]")


def _unknown(field: str) -> LineError:
    fault = "null or absent, which a struct of Arrow does not tell; store ios as JSON text"
    return LineError(Reason.AMBIGUOUS_NULL, f"{field}: {fault}")


def _same(value: Any) -> Any:
    return value
