"""What an expression that a text cites comes out as: by itself, in a state of the run, or as a call that was made."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from typing import Any, ClassVar

from execground_ray.verification.allowed import BUILTINS, PRINTED
from execground_ray.verification.expressions import Evaluator, Scope, Unsupported
from execground_ray.verification.facts import Facts
from execground_ray.verification.history import OPAQUE, SCALARS, Call, freeze
from execground_ray.verification.parsed import names_of
from execground_ray.verification.syntax import walk

_METHODS = frozenset(
    """count endswith find get index isalnum isalpha isdigit islower isnumeric isspace isupper items join keys lower
    lstrip replace rfind rstrip split startswith strip title upper values""".split()
)


class Unknown(Exception):  # noqa: N818 - it says what the evidence lacks
    """The evidence does not say."""


class Unknowable(Unknown):
    """No record of the run could say it, however full."""


class Ambiguous(Unknown):
    """A call that was made several times and did not always return the same."""

    def __init__(self, call: ast.Call, values: list[Any]) -> None:
        super().__init__(called_name(call))
        self.call = call
        self.values = values


class Failed(Unknown):
    """It cannot be computed in this state, as the third element of a pair: whatever is said of it is not so."""


class CitedEvaluator(Evaluator):
    """Evaluates in one state of the run; the program's own functions give what they gave."""

    # A set as a text writes it may have come about in another way than the one that is meant.
    orderly: ClassVar[frozenset[type]] = frozenset()

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.aliases: dict[str, str] = {}
        self._outcomes: dict[tuple[int, str, tuple[Any, ...], int, bool], list[Any]] = {}

    def value(self, node: ast.expr, state: dict[str, Any]) -> Any:
        """The value of ``node`` in ``state``.

        Raises:
            Unknown: the evidence does not have it, or it cannot be computed.
        """
        if type(node) is ast.Constant:
            return node.value
        try:
            return self.evaluate(node, Scope(state))
        except Unknown:
            raise
        except (Unsupported, NameError) as error:
            raise Unknown from error
        except Exception as error:
            # The arrays of a foreign library are lists here, which cannot do what arrays can.
            plain = isinstance(error, LookupError | ArithmeticError) or not self.facts.program.foreign
            # Dictionaries that have a value for every key are plain ones here.
            plain = plain and not (isinstance(error, KeyError) and self.facts.lenient)
            raise (Failed if plain else Unknown) from error

    def values(self, node: ast.expr, state: dict[str, Any]) -> list[Any]:
        """``value``, or all that a call returned that did not always return the same."""
        try:
            return [self.value(node, state)]
        except Ambiguous as error:
            if error.call is node:
                return error.values
            raise

    def understands(self, node: ast.expr) -> bool:
        """Whether an expression may have a value in some state: all in it is a variable, or a call that can be told."""
        program, parts = self.facts.program, walk(node)
        calls = [part for part in parts if isinstance(part, ast.Call)]
        called = {call.func for call in calls}
        return all(map(self._tells, calls)) and all(
            not {part.id, "." + part.id}.isdisjoint(program.variables)
            if isinstance(part, ast.Name)
            else "." + part.attr in program.variables
            for part in parts
            if isinstance(part, ast.Name | ast.Attribute) and part not in called
        )

    def _tells(self, call: ast.Call) -> bool:
        """Whether ``_Call`` can give a value."""
        name, program = called_name(call), self.facts.program
        if name in PRINTED or not names_of(call):
            return True
        known = _METHODS if isinstance(call.func, ast.Attribute) else BUILTINS
        return not call.keywords and (
            name in known or name in self.aliases or name in program.functions - program.classes
        )

    def attribute(self, value: Any, name: str) -> Any:
        """Only methods that look at a value and leave it as it is."""
        if name not in _METHODS:
            raise Unsupported(name)
        return getattr(value, name)

    def _Name(self, node: ast.Name, scope: Scope) -> Any:  # noqa: N802 - named after the node
        for name in (node.id, "." + node.id):
            if name in scope.values:
                return scope.values[name]
        raise Unknown(node.id)

    def _Attribute(self, node: ast.Attribute, scope: Scope) -> Any:  # noqa: N802
        if "." + node.attr in scope.values:
            return scope.values["." + node.attr]
        return super()._Attribute(node, scope)

    def _Call(self, node: ast.Call, scope: Scope) -> Any:  # noqa: N802
        name = called_name(node)
        if name in PRINTED and isinstance(node.func, ast.Name) and name not in self.facts.program.functions:
            return PRINTED[name](*(self.evaluate(argument, scope) for argument in node.args))
        if isinstance(node.func, ast.Attribute) and not names_of(node):
            return self.evaluate(node.args[0], scope)  # np.int64(3)
        if node.keywords:
            raise Unknown(name)
        arguments = [self.evaluate(argument, scope) for argument in node.args]
        name = self.aliases.get(name, name)
        if name in self.facts.program.functions:
            return self._returned(name, node, arguments)
        if isinstance(node.func, ast.Attribute):
            return self.evaluate(node.func, scope)(*arguments)
        if name in scope.values or name not in BUILTINS:
            raise Unknown(name)
        return self.call(BUILTINS[name], arguments, {})

    def _returned(self, name: str, node: ast.Call, arguments: list[Any]) -> Any:
        """What a function of the program returned when it was called so."""
        given = tuple(map(freeze, arguments))
        optional = len(given) + 9 if called_name(node) in self.aliases else self.facts.program.defaults.get(name, 0)
        for history in self.facts.histories():
            key = (id(history), name, given, optional, isinstance(node.func, ast.Attribute))
            if key not in self._outcomes:
                made = (call for call in history.calls.get(name, ()) if is_call(call, given, *key[3:]))
                different = {freeze(call.returned): call.returned for call in made if call.returned is not OPAQUE}
                self._outcomes[key] = list(different.values())
            values = self._outcomes[key]
            if len(values) > 1:
                raise Ambiguous(node, values)
            if values:
                return values[0]
            if history.whole and not history.partial:
                break
        raise Unknown(name)


def called_name(node: ast.Call) -> str:
    """The name of the function or method that is called."""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


ANY = object()  # an argument that may be anything


def is_call(call: Call, arguments: Sequence[Any], optional: int, method: bool) -> bool:
    """Whether ``call`` had these arguments, frozen.

    Args:
        call: a call of the run.
        arguments: what the text gives, in order.
        optional: how many arguments may be missing.
        method: the text calls it as a method, so that the first argument is not given.
    """
    for skipped in (0, 1):
        if skipped and not method and (not call.arguments or call.arguments[0] is not OPAQUE):
            return False
        given = call.arguments[skipped : skipped + len(arguments)]
        missing = len(call.arguments) - skipped - len(given)
        if (
            len(given) == len(arguments)
            and missing <= optional
            and all(
                wanted is ANY or (each is not OPAQUE and freeze(each) == wanted)
                for each, wanted in zip(given, arguments, strict=True)
            )
        ):
            return True
    return False


def same(left: Any, right: Any) -> bool:
    """Equal as values of a run; an ellipsis in a container stands for any number of elements."""
    if type(left) is type(right) and type(left) in SCALARS:
        return bool(left == right)
    if elided(left) or elided(right):
        return _matches(left, right) if elided(left) else _matches(right, left)
    return bool(freeze(left) == freeze(right))


def equal_as_written(node: ast.Compare, left: Any, right: Any) -> bool:
    """``left = right`` as people write it: to the digits shown, and ``10 / 4 = 2`` of an integer division."""
    if same(left, right):
        return True
    if isinstance(left, bool) or not isinstance(left, int | float):
        return False
    if isinstance(right, float):
        digits = len(repr(right).partition(".")[2])
        return math.isclose(left, right, rel_tol=1e-9) or (digits >= 2 and abs(left - right) <= 0.51 * 10**-digits)
    divides = isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Div)
    return divides and isinstance(left, float) and type(right) is int and math.floor(left) == right


def elided(value: Any) -> bool:
    """Whether a container has an ellipsis in it."""
    kind = type(value)
    return (kind is list or kind is tuple) and any(item is Ellipsis for item in value)


def _matches(pattern: Any, value: Any) -> bool:
    if not isinstance(value, list | tuple | range):
        return False
    items = list(pattern)
    cut = next(index for index, item in enumerate(items) if item is Ellipsis)
    before, behind = items[:cut], items[cut + 1 :]
    if any(item is Ellipsis for item in behind) or len(value) < len(before) + len(behind):
        return len(value) >= len(before)
    whole = list(value)
    return all(map(same, before, whole)) and all(map(same, reversed(behind), reversed(whole)))
