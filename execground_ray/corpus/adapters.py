"""Adapters: a record with the fields of its source comes in, one with those of ``Problem`` goes out.

An adapter renames and rearranges. What is missing or of the wrong type in a field of the source that it has to read, it
says by that field's name; what it only passes on is checked afterwards. To read a corpus of another layout, write its
adapter here and allow its name in ``config/schema.py``.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from typing import Any

from execground_ray.corpus.columns import arguments_of
from execground_ray.corpus.decoding import LineError, expect
from execground_ray.corpus.stdin_programs import as_function
from execground_ray.python.values import Expression
from execground_ray.records import FUNCTION, PYEDU, STDIN, Reason
from execground_ray.tracing.values import UnsupportedValueError, to_json

Adapter = Callable[[dict[str, Any]], dict[str, Any]]

FUNCTION_NAME = "f"  # CRUXEval's
QUESTIONS = ("problem_description", "question", "description")  # the first that is there
NO_VALUE = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError, UnsupportedValueError)


def pyedu(record: dict[str, Any]) -> dict[str, Any]:
    """The layout of CodeI/O's PyEdu corpus (arXiv 2502.07316), which is that of ``Problem``."""
    return record


def function(record: dict[str, Any]) -> dict[str, Any]:
    """A function and literals of Python, as in CRUXEval (arXiv 2401.03065).

    ``code``, ``input`` (the arguments as they stand in a call) and ``output``, the two of them texts or lists of as
    many; ``funcname`` may name the function, which is ``f`` otherwise.
    """
    code, name = _text(record, "code"), record.get("funcname") or FUNCTION_NAME
    expect(name, str, "funcname")
    parameters = _parameters(code, name)
    ios = [
        {"input": _arguments(given, parameters, place), "output": _value(output, place.replace("input", "output"))}
        for given, output, place in _tests(record)
    ]
    return _problem(record) | {"refcode": code, "funcname": name, "ios": ios}


def stdin(record: dict[str, Any]) -> dict[str, Any]:
    """A program that reads and prints, as in TACO (arXiv 2312.14852), APPS and CodeContests.

    ``code``, ``input`` (what it reads) and ``output`` (what it prints), the two of them texts or lists of as many. What
    it does by itself becomes a function, as only the run of one has a trace.
    """
    code, name = as_function(_text(record, "code"))
    ios = [{"input": {"stdin": given}, "output": output} for given, output, _ in _tests(record)]
    return _problem(record) | {"refcode": code, "funcname": name, "ios": ios}


ADAPTERS: dict[str, Adapter] = {PYEDU: pyedu, FUNCTION: function, STDIN: stdin}


def _problem(record: dict[str, Any]) -> dict[str, Any]:
    """The fields that layouts other than PyEdu's have in common; all of them may be absent."""
    question = next((record[name] for name in QUESTIONS if record.get(name) is not None), "")
    meta = {} if record.get("id") is None else {"id": record["id"]}
    told = {name: record.get(name) for name in ("source", "category")}
    return told | {"problem_description": question, "io_requirements": "", "meta": meta}


def _text(record: dict[str, Any], field: str) -> str:
    if field not in record:
        raise LineError(Reason.MISSING_FIELD, f"{field}: missing")
    expect(record[field], str, field)
    return str(record[field])


def _tests(record: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the inputs and outputs, and the name of the place where each input stands."""
    if not isinstance(record.get("input"), list):
        yield _text(record, "input"), _text(record, "output"), "input"
        return
    expect(record.get("output"), list, "output")
    if len(record["input"]) != len(record["output"]):
        fault = f"output: expected {len(record['input'])} texts, as in input, found {len(record['output'])}"
        raise LineError(Reason.WRONG_TYPE, fault)
    for index, (given, output) in enumerate(zip(record["input"], record["output"], strict=True)):
        expect(given, str, f"input[{index}]")
        expect(output, str, f"output[{index}]")
        yield given, output, f"input[{index}]"


def _parameters(code: str, name: str) -> list[str] | None:
    """The names by which a function takes arguments, in order; None for one that the prefilter will not find."""
    try:
        found = arguments_of(code, name)
    except SyntaxError:
        return None
    return None if found is None else [each.arg for each in found.args]


def _arguments(text: str, parameters: list[str] | None, place: str) -> dict[str, Any]:
    """The arguments of a call by their names, as JSON; what is no literal is kept as the text of an expression."""
    try:
        call = ast.parse(f"f({text}\n)", mode="eval").body
    except NO_VALUE as error:
        raise LineError(Reason.WRONG_TYPE, f"{place}: no arguments of a call: {error}") from error
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise LineError(Reason.WRONG_TYPE, f"{place}: no arguments of a call")
    if parameters is None:
        parameters = [f"argument_{number}" for number in range(1, len(call.args) + 1)]
    if len(call.args) > len(parameters):
        fault = f"{place}: {len(call.args)} arguments, of which the function names {len(parameters)}"
        raise LineError(Reason.WRONG_TYPE, fault)
    named = [*zip(parameters, call.args, strict=False), *((each.arg, each.value) for each in call.keywords)]
    given: dict[str, Any] = {}
    for name, node in named:
        if name is None or name in given or isinstance(node, ast.Starred):
            raise LineError(Reason.WRONG_TYPE, f"{place}: arguments whose names are not told, or told twice")
        try:
            value = ast.literal_eval(node)
        except NO_VALUE:
            value = Expression(ast.unparse(node))
        given[name] = _as_json(value, f"{place}: {name}")
    return given


def _value(text: str, place: str) -> Any:
    try:
        value = ast.literal_eval(text.strip())
    except NO_VALUE as error:
        raise LineError(Reason.WRONG_TYPE, f"{place}: no literal of Python: {error}") from error
    return _as_json(value, place)


def _as_json(value: Any, place: str) -> Any:
    try:
        return json.loads(to_json(value, exact=True))
    except NO_VALUE as error:
        raise LineError(Reason.WRONG_TYPE, f"{place}: {error}") from error
