"""Runs a program again in the mind: its syntax tree is interpreted, statement by statement, and every step is kept.

Comes in: the program, the name of its function, the arguments. Goes out: a ``History`` and the value that came back. The
trace of a recursive program stops at a depth and leaves out values that a text can rightly cite; the replay does not.
It is believed only where it agrees with the execution, which the caller checks.

Nothing of the program is ever executed by Python itself: what it can reach is listed in ``allowed``, and a budget of
steps ends it. What that budget does not see ends with the process: see ``verifier``. It covers the plain subset of the
language that most programs of the corpus are written in; anything
else (``numpy``, files, threads) ends the replay, and the trace alone is the evidence.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from execground_ray.verification.expressions import Scope, Unsupported
from execground_ray.verification.history import History
from execground_ray.verification.machine import BREAK, Machine, Returned
from execground_ray.verification.program import Program
from execground_ray.verification.syntax import children

# One call of the program takes about 15 calls of the interpreter.
RECURSION_LIMIT = 15_000
_YIELDED, _SELF, _CLASS = "<yielded>", "<self>", "<class>"


def replay(program: Program, function: str, arguments: dict[str, Any]) -> tuple[History, Any] | None:
    """Run ``function(**arguments)`` of a program in the mind.

    Returns:
        What it went through and what it returned; None where the program is outside of what can be replayed, or raised.
    """
    if program.tree is None:
        return None
    machine = _Replay(yields=bool(program.of(ast.Yield, ast.YieldFrom)))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        scope = Scope({})
        machine.run(program.tree.body, scope)
        returned = scope.lookup(function)(**arguments)
    except Exception:
        return None
    finally:
        sys.setrecursionlimit(limit)
    history = machine.recorder.history
    history.counts.update(len(calls) for calls in history.calls.values())
    return history, returned


class _Replay(Machine):
    """Adds statements with a body, functions and classes to the machine."""

    def __init__(self, yields: bool) -> None:
        super().__init__()
        self._yields = yields  # whether the program has generators at all

    # -- blocks ----------------------------------------------------------------------------------------------------

    def _If(self, node: ast.If, scope: Scope) -> Any:  # noqa: N802 - named after the node
        outcome = self.decide(node.test, scope)
        self.watch(node.test, scope)
        return self.run(node.body if outcome else node.orelse, scope)

    def _While(self, node: ast.While, scope: Scope) -> Any:  # noqa: N802
        rounds = 0
        while self.decide(node.test, scope):
            rounds += 1
            leaving = self.run(node.body, scope)
            self.tick(node.lineno)
            if leaving is BREAK or isinstance(leaving, Returned):
                self.recorder.history.counts.add(rounds)
                return None if leaving is BREAK else leaving
        self.recorder.history.counts.add(rounds)
        return self.run(node.orelse, scope)

    def _For(self, node: ast.For, scope: Scope) -> Any:  # noqa: N802
        rounds = 0
        for item in self.iterate(self.evaluate(node.iter, scope)):
            rounds += 1
            self.bind_target(node.target, item, scope)
            leaving = self.run(node.body, scope)
            self.tick(node.lineno)
            if leaving is BREAK or isinstance(leaving, Returned):
                self.recorder.history.counts.add(rounds)
                return None if leaving is BREAK else leaving
        self.recorder.history.counts.add(rounds)
        return self.run(node.orelse, scope)

    def _Try(self, node: ast.Try, scope: Scope) -> Any:  # noqa: N802
        leaving = None
        try:
            leaving = self.run(node.body, scope)
            if leaving is None:
                leaving = self.run(node.orelse, scope)
        except (Unsupported, RecursionError):
            raise
        except Exception as error:
            handler = next((each for each in node.handlers if self._handles(each, error, scope)), None)
            if handler is None:
                raise
            if handler.name:
                scope.bind(handler.name, error)
            leaving = self.run(handler.body, scope)
        finally:
            ending = self.run(node.finalbody, scope)
        return leaving if ending is None else ending

    def _handles(self, handler: ast.ExceptHandler, error: Exception, scope: Scope) -> bool:
        return handler.type is None or isinstance(error, self.evaluate(handler.type, scope))

    # -- functions -------------------------------------------------------------------------------------------------

    def _FunctionDef(self, node: ast.FunctionDef, scope: Scope) -> None:  # noqa: N802
        function: Any = self._function(node, scope, node.name, node.body)
        for decorator in reversed(node.decorator_list):
            if isinstance(decorator, ast.Attribute) and decorator.attr == "setter":
                function = scope.lookup(node.name).setter(function)
            else:
                function = self.evaluate(decorator, scope)(function)
        scope.bind(node.name, function)

    def _Lambda(self, node: ast.Lambda, scope: Scope) -> Any:  # noqa: N802
        body = ast.Return(value=node.body, lineno=node.lineno)
        return self._function(node, scope, "<lambda>", [body])

    def _function(
        self, node: ast.FunctionDef | ast.Lambda, scope: Scope, name: str, body: list[ast.stmt]
    ) -> Callable[..., Any]:
        signature = self._signature(node.args, scope)
        cell = scope.values.get(_CLASS)
        enclosing = scope.parent if cell is not None else scope
        generates = self._yields and _generates(body)
        plain = [each.name for each in signature.parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD]
        names = plain if len(plain) == len(signature.parameters) else None

        def function(*positional: Any, **named: Any) -> Any:
            if names is not None and len(positional) == len(names) and not named:
                arguments = dict(zip(names, positional, strict=True))
            else:
                bound = signature.bind(*positional, **named)
                bound.apply_defaults()
                arguments = dict(bound.arguments)
            self.recorder.enter(name, arguments)
            local = Scope(arguments, enclosing, self.recorder.frame)
            value = None
            try:
                local.values[_SELF] = positional[0] if positional else None
                local.values[_CLASS + _SELF] = cell
                if generates:
                    local.values[_YIELDED] = []
                leaving = self.run(body, local)
                value = leaving.value if isinstance(leaving, Returned) else None
            finally:
                self.recorder.leave(value)
            return iter(local.values[_YIELDED]) if generates else value

        return function

    def _signature(self, arguments: ast.arguments, scope: Scope) -> inspect.Signature:
        kinds = inspect.Parameter
        plain = [*arguments.posonlyargs, *arguments.args]
        defaults = [kinds.empty] * (len(plain) - len(arguments.defaults))
        defaults += [self.evaluate(node, scope) for node in arguments.defaults]
        parameters = [
            kinds(each.arg, kinds.POSITIONAL_OR_KEYWORD, default=default)
            for each, default in zip(plain, defaults, strict=True)
        ]
        if arguments.vararg:
            parameters.append(kinds(arguments.vararg.arg, kinds.VAR_POSITIONAL))
        for each, node in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            default = kinds.empty if node is None else self.evaluate(node, scope)
            parameters.append(kinds(each.arg, kinds.KEYWORD_ONLY, default=default))
        if arguments.kwarg:
            parameters.append(kinds(arguments.kwarg.arg, kinds.VAR_KEYWORD))
        return inspect.Signature(parameters)

    def _Yield(self, node: ast.Yield, scope: Scope) -> None:  # noqa: N802
        # A generator runs to its end before its first element is used: the values are the same, their order is not.
        scope.lookup(_YIELDED).append(self.evaluate(node.value, scope) if node.value else None)

    def _YieldFrom(self, node: ast.YieldFrom, scope: Scope) -> None:  # noqa: N802
        scope.lookup(_YIELDED).extend(self.iterate(self.evaluate(node.value, scope)))

    def _Global(self, node: ast.Global, scope: Scope) -> None:  # noqa: N802
        outermost = scope
        while outermost.parent is not None:
            outermost = outermost.parent
        scope.nonlocals.update(dict.fromkeys(node.names, outermost))

    def _Nonlocal(self, node: ast.Nonlocal, scope: Scope) -> None:  # noqa: N802
        for name in node.names:
            outer = scope.parent
            while outer is not None and name not in outer.values:
                outer = outer.parent
            if outer is None:
                raise Unsupported("nonlocal")
            scope.nonlocals[name] = outer

    # -- classes ---------------------------------------------------------------------------------------------------

    def _ClassDef(self, node: ast.ClassDef, scope: Scope) -> None:  # noqa: N802
        if node.keywords or node.decorator_list:
            raise Unsupported("class with keywords or decorators")
        bases = tuple(self.evaluate(base, scope) for base in node.bases)
        if not all(base in self.classes or base is object or issubclass(base, Exception) for base in bases):
            raise Unsupported("class of a foreign base")
        cell: list[type] = []
        inside = Scope({_CLASS: cell}, scope)
        self.run(node.body, inside)
        members = {name: value for name, value in inside.values.items() if name != _CLASS}
        made = type(node.name, bases, members)
        cell.append(made)
        self.classes.add(made)
        scope.bind(node.name, made)

    def _Call(self, node: ast.Call, scope: Scope) -> Any:  # noqa: N802
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            return super(scope.lookup(_CLASS + _SELF)[0], scope.lookup(_SELF))
        return super()._Call(node, scope)

    def iterate(self, value: Any) -> Iterator[Any]:
        """The elements of ``value``, each of them a step."""
        for item in self.in_order(value):
            self.spend()
            self.recorder.step += 1
            yield item


def _generates(body: list[ast.stmt]) -> bool:
    """Whether a function with this body is a generator; one without an end cannot be run to its end."""
    found = False
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in body]
    while waiting:
        node, endless = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            if endless:
                raise Unsupported("an endless generator")
            found = True
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        endless = endless or (isinstance(node, ast.While) and isinstance(node.test, ast.Constant))
        waiting.extend((child, endless) for child in children(node))
    return found
