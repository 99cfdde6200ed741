"""Plain values in, checked dataclasses out: the one place where the types and ranges of the configuration are enforced.

A schema is a frozen dataclass whose annotations say all that is checked: the type, ``| None`` for a value that may be
null, ``Literal`` for a choice, ``Annotated[int, Range(1, 10)]`` for a range, ``Annotated[str, "a folder"]`` to say
more than the type does, a union of dataclasses for alternatives told apart by their ``kind``. Fields have no defaults,
so the values themselves stay in one other place, the YAML files under ``conf/``. Nothing is converted silently: a text
where a number belongs is an error, not a number.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
from collections.abc import Collection, Iterable
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

MISSING = "???"  # what Hydra writes for a value that the user has to give

_NAMES = {
    int: "an integer",
    float: "a number",
    str: "a text that is not empty",
    bool: "true or false",
    tuple: "a list of texts",
    dict: "a mapping with texts as keys",
}
_Schema = TypeVar("_Schema")


class ConfigError(Exception):
    """A configuration that cannot be run; the message is one line that names the key and what is allowed."""


@dataclasses.dataclass(frozen=True)
class Range:
    """The inclusive range of a number, to be put into ``Annotated``."""

    minimum: float
    maximum: float = math.inf

    def __contains__(self, number: float) -> bool:
        return math.isfinite(number) and self.minimum <= number <= self.maximum

    def __str__(self) -> str:
        if math.isinf(self.maximum):
            return f">= {self.minimum:.10g}"
        return f"from {self.minimum:.10g} to {self.maximum:.10g}"


def build(schema: type[_Schema], values: Any, key: str = "") -> _Schema:
    """Turn a mapping into the dataclass ``schema``, all the way down.

    Args:
        schema: a dataclass whose annotations are the rules.
        values: what was read, plain dicts, lists and scalars.
        key: dotted name of ``values`` in the configuration, for messages.

    Raises:
        ConfigError: a key is unknown or missing, or a value is of a wrong type or out of range.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{key} = {values!r} is not allowed; allowed: a mapping of keys and values")
    hints = get_type_hints(schema, include_extras=True)
    for name in values:
        if name not in hints:
            raise ConfigError(unknown_key(key, name, hints))
    fields = {}
    for name, hint in hints.items():
        value = values.get(name, MISSING)
        if value == MISSING:
            raise ConfigError(f"{join(key, name)} is missing; allowed: {_describe(hint)}")
        fields[name] = _check(hint, value, join(key, name))
    return schema(**fields)


def join(key: str, name: object) -> str:
    """The dotted name of the entry ``name`` below ``key``."""
    return f"{key}.{name}" if key else str(name)


def unknown_key(key: str, name: object, known: Iterable[str]) -> str:
    """The message for an entry ``name`` that does not exist below ``key``."""
    return f"{join(key, name)} is not a key; {choices(str(name), known, key)}"


def choices(wrong: str, known: Iterable[str], key: str = "") -> str:
    """What is allowed below ``key`` instead of ``wrong``, and which of it may have been meant."""
    close = difflib.get_close_matches(wrong, list(known), n=1)
    hint = f"did you mean {join(key, close[0])}? " if close else ""
    return f"{hint}allowed: {', '.join(join(key, name) for name in known)}"


def _check(hint: Any, value: Any, key: str) -> Any:
    """Return ``value`` as its annotation wants it, or raise ConfigError."""
    if dataclasses.is_dataclass(hint):
        return build(hint, value, key)  # type: ignore[arg-type]
    if all(dataclasses.is_dataclass(option) for option in _options(hint)):
        return build(_alternative(_options(hint), value, key), value, key)
    if not _allowed(hint, value):
        raise ConfigError(f"{key} = {value!r} is not allowed; allowed: {_describe(hint)}")
    if isinstance(value, list):
        return tuple(value)
    return float(value) if _base(hint) is float and value is not None else value


def _alternative(options: Collection[Any], value: Any, key: str) -> Any:
    """The dataclass of a union whose ``kind`` is the one in ``value``."""
    by_kind = {kind: option for option in options for kind in get_args(get_type_hints(option)["kind"])}
    kind = value.get("kind", MISSING) if isinstance(value, dict) else value
    if kind not in by_kind:
        raise ConfigError(f"{key}.kind = {kind!r} is not allowed; allowed: {', '.join(by_kind)}")
    return by_kind[kind]


def _allowed(hint: Any, value: Any) -> bool:
    """Whether a scalar, list or free mapping fits its annotation."""
    if hint is Any:
        return True
    if get_origin(hint) is Annotated:
        inner, limits = get_args(hint)
        return _allowed(inner, value) and (value is None or isinstance(limits, str) or value in limits)
    if get_origin(hint) in (Union, types.UnionType):
        return any(_allowed(option, value) for option in _options(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, list) and all(_allowed(get_args(hint)[0], item) for item in value)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(isinstance(name, str) for name in value)
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is hint and value != ""


def _describe(hint: Any) -> str:
    """What a value may be, in words."""
    if get_origin(hint) is Annotated:
        inner, limits = get_args(hint)
        if isinstance(limits, str):
            return limits
        first, *others = [_describe(option) for option in _options(inner)]
        return " or ".join([f"{first} {limits}", *others])
    if get_origin(hint) is Literal:
        return ", ".join(str(choice) for choice in get_args(hint))
    if len(_options(hint)) > 1:
        return " or ".join(_describe(option) for option in _options(hint))
    return "null" if hint is types.NoneType else _NAMES.get(get_origin(hint) or hint, "a mapping of keys and values")


def _options(hint: Any) -> tuple[Any, ...]:
    """The members of a union; of anything else, itself."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _base(hint: Any) -> Any:
    """The type inside ``Annotated`` and ``| None``."""
    if get_origin(hint) is Annotated:
        return _base(get_args(hint)[0])
    return _options(hint)[0]
