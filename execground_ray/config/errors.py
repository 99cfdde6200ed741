"""What is wrong with a configuration, in one line that names the key and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

NAMES = {
    "integer": "an integer",
    "number": "a number",
    "string": "a text that is not empty",
    "boolean": "true or false",
    "array": "a list of texts",
    "object": "a mapping of keys and values",
    "null": "null",
}


class ConfigError(Exception):
    """A configuration that cannot be run; the message is one line that names the key and what is allowed."""

    of_the_job = True  # not of the row at which it is found


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


def first_fault(adapter: TypeAdapter[Any], error: ValidationError) -> str:
    """Return the message for the first thing that pydantic found, misspelt keys before what they left missing."""
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "unexpected_keyword_argument")
    kind, place, value = faults[0]["type"], list(faults[0]["loc"]), faults[0]["input"]
    schema = adapter.json_schema()
    key, node = "", schema
    while (place and kind != "unexpected_keyword_argument") or len(place) > 1:
        part = place.pop(0)
        if "discriminator" in node:  # the place names the member of the union, by its ``kind``
            node = _resolve(schema, node["discriminator"]["mapping"][part])
        elif "properties" in node:
            key, node = join(key, part), _resolve(schema, node["properties"][part])
        else:
            break  # an element of a list
    if kind == "unexpected_keyword_argument":
        return unknown_key(key, place[0], node["properties"])
    if kind == "missing":
        return f"{key} is missing; allowed: {_describe(schema, node)}"
    if "discriminator" in node and isinstance(value, dict):
        return (
            f"{key}.kind = {value.get('kind')!r} is not allowed; allowed: {', '.join(node['discriminator']['mapping'])}"
        )
    names = _resolve(schema, node).get("properties")
    allowed = ", ".join(join(key, name) for name in names) if names else _describe(schema, node)
    return f"{key} = {value!r} is not allowed; allowed: {allowed}"


def _resolve(schema: dict[str, Any], node: dict[str, Any] | str) -> dict[str, Any]:
    """Follow a reference of a JSON schema."""
    reference = node if isinstance(node, str) else node.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else node  # type: ignore[return-value]


def _describe(schema: dict[str, Any], node: dict[str, Any]) -> str:
    """What a value may be, in words, from its JSON schema."""
    if "anyOf" in node:
        return " or ".join(_describe(schema, option) for option in node["anyOf"])
    node = _resolve(schema, node)
    if "description" in node and node.get("type") != "object":
        return str(node["description"])
    if "enum" in node or "const" in node:
        return ", ".join(map(str, node.get("enum", [node.get("const")])))
    name = NAMES.get(node.get("type", "object"), "a mapping of keys and values")
    least, most = node.get("minimum"), node.get("maximum")
    if least is None:
        return name
    return f"{name} >= {least:.10g}" if most is None else f"{name} from {least:.10g} to {most:.10g}"
