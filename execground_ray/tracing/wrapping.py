"""Wrapping: how one expression of a program is made to pass its value through the recorder.

An expression ``E`` becomes ``RECORD(id, E)``, and so do the expressions in it. What is evaluated, how often and in
which order stays the same: only the program itself asks a value for its truth. So ``and``, ``or``, ``not`` and
``… if …`` are not wrapped where they decide a jump; the plan says how their values follow from those of their operands.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from execground_ray.tracing.places import Constants, Places, at, call, is_constant
from execground_ray.tracing.plan import Plan

_DISPLAYS = (ast.List, ast.Set)
_DECIDED_BY_PARTS = (ast.BoolOp, ast.IfExp)
_PARTS = (ast.Starred, ast.Slice, ast.FormattedValue)


class Wrapper:
    """Wraps expressions, in place.

    Args:
        tree: the whole program, as it was parsed.
        constants: what stands for the functions that are called.
    """

    def __init__(self, tree: ast.Module, constants: Constants) -> None:
        """Number the nodes."""
        self.plan = Plan()
        self._constants = constants
        self._ids: dict[ast.AST, int] = {}
        nodes = list(ast.walk(tree))
        for number, node in enumerate(nodes):
            self._ids.setdefault(node, number)
        self._places = Places(tree, [node for node in nodes if isinstance(node, ast.Import)])

    def value(self, node: Any, *, even_constant: bool = False) -> Any:
        """Wrap an expression, or what can be wrapped of it; None stays None."""
        if node is None or (is_constant(node) and not even_constant):
            return node
        if isinstance(node, _PARTS):
            self._all_inside(node)
            return node
        first, last = self._places.edges(node)
        if not is_constant(node):
            _INSIDES.get(type(node), Wrapper._all_inside)(self, node)
        if isinstance(node, _DECIDED_BY_PARTS) or _is_super(node):
            return node
        return self._recorded(node, first, last)

    def test(self, node: Any) -> Any:
        """Wrap an expression of which only the truth is asked."""
        number = self._ids[node]
        self.plan.conditions.add(number)
        if isinstance(node, ast.BoolOp):
            self._follow(node.values[:-1], "and" if isinstance(node.op, ast.And) else "or", number)
            self._follow(node.values[-1:], "same", number)
            node.values = [self.test(operand) for operand in node.values]
            return node
        if isinstance(node, ast.IfExp):
            self._follow([node.body, node.orelse], "same", number)
            node.test, node.body, node.orelse = self.test(node.test), self.test(node.body), self.test(node.orelse)
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and not is_constant(node):
            self._follow([node.operand], "not", number)
            node.operand = self.test(node.operand)
            return node
        if isinstance(node, ast.Compare):
            return self._compared(node)
        return self.value(node)

    def iterable(self, node: Any) -> Any:
        """Wrap what a loop goes through; the compiler makes a tuple of a list that is written out there."""
        if isinstance(node, _DISPLAYS) and not any(isinstance(item, ast.Starred) for item in node.elts):
            node.elts = [self.value(item) for item in node.elts]
            return node
        return self.value(node)

    def target(self, node: Any) -> Any:
        """Wrap what is evaluated in a target."""
        if isinstance(node, ast.Attribute):
            node.value = self._base(node.value)
        elif isinstance(node, ast.Subscript):
            node.value, node.slice = self._base(node.value), self._slice(node.slice)
        elif isinstance(node, ast.Starred):
            node.value = self.target(node.value)
        elif isinstance(node, ast.Tuple | ast.List):
            node.elts = [self.target(item) for item in node.elts]
        return node

    def note(self, target: ast.expr) -> ast.expr | None:
        """Return what notes the names in a target that has been given a value; None where there is none."""
        raise NotImplementedError

    def arguments(self, arguments: ast.arguments) -> None:
        """Wrap the defaults of a function."""
        arguments.defaults = [self.value(default) for default in arguments.defaults]
        arguments.kw_defaults = [self.value(default) for default in arguments.kw_defaults]

    def _recorded(self, node: ast.expr, first: int, last: int) -> ast.expr:
        return call(self._constants.record, [ast.Constant(self._ids[node], **at(first)), node], first, last)

    def _compared(self, node: ast.Compare) -> ast.expr:
        """Return a comparison again: of what decides a jump, the compiler gives those a line of their own."""
        first, last = self._places.edges(node)
        truth = call(self._constants.truth, [self.value(node)], first, last)
        place = {name: getattr(node, name) for name in at(0)}
        return ast.Compare(truth, [ast.Is()], [ast.Constant(True, **at(last))], **place)

    def _follow(self, nodes: list[ast.expr], rule: str, number: int) -> None:
        for node in nodes:
            self.plan.follows[self._ids[node]] = (rule, number)

    def _all_inside(self, node: ast.AST) -> None:
        for name, inside in ast.iter_fields(node):
            if isinstance(inside, ast.expr):
                setattr(node, name, self.value(inside))
            elif isinstance(inside, list):
                inside[:] = [self.value(item) if isinstance(item, ast.expr) else item for item in inside]

    def _bool_op(self, node: ast.BoolOp) -> None:
        number = self._ids[node]
        self._follow(node.values[:-1], "and" if isinstance(node.op, ast.And) else "or", number)
        self._follow(node.values[-1:], "same", number)
        self.plan.conditions.update(self._ids[operand] for operand in node.values)
        node.values = [self.value(operand, even_constant=True) for operand in node.values]

    def _if_exp(self, node: ast.IfExp) -> None:
        self._follow([node.body, node.orelse], "same", self._ids[node])
        node.test = self.test(node.test)
        node.body = self.value(node.body, even_constant=True)
        node.orelse = self.value(node.orelse, even_constant=True)

    def _bin_op(self, node: ast.BinOp) -> None:
        node.left = self.value(node.left)
        is_format = isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant)
        if is_format and isinstance(node.right, ast.Tuple):  # the compiler makes an f-string of it
            self._all_inside(node.right)
        else:
            node.right = self.value(node.right)

    def _unary_op(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self.plan.conditions.update((self._ids[node], self._ids[node.operand]))
        node.operand = self.value(node.operand)

    def _compare(self, node: ast.Compare) -> None:
        self.plan.conditions.add(self._ids[node])
        node.left = self.value(node.left)
        *others, last = node.comparators
        is_membership = isinstance(node.ops[-1], ast.In | ast.NotIn)
        node.comparators = [*map(self.value, others), self.iterable(last) if is_membership else self.value(last)]

    def _call(self, node: ast.Call) -> None:
        self.plan.calls.add(self._ids[node])
        if isinstance(node.func, ast.Attribute):
            node.func.value = self._base(node.func.value)
        elif not isinstance(node.func, ast.Name):
            node.func = self.value(node.func)
        node.args = [self.value(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self.value(keyword.value)

    def _base(self, node: Any) -> Any:
        return node if isinstance(node, ast.Name) and node.id in self._places.modules else self.value(node)

    def _attribute(self, node: ast.Attribute) -> None:
        node.value = self._base(node.value)

    def _subscript(self, node: ast.Subscript) -> None:
        node.value, node.slice = self.value(node.value), self._slice(node.slice)

    def _slice(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Tuple) and any(isinstance(item, _PARTS) for item in node.elts):
            node.elts = [self.value(item) for item in node.elts]
            return node
        return self.value(node)

    def _lambda(self, node: ast.Lambda) -> None:
        self.arguments(node.args)
        node.body = self.value(node.body)

    def _joined_str(self, node: ast.JoinedStr) -> None:
        for piece in node.values:
            if isinstance(piece, ast.FormattedValue):
                piece.value = self.value(piece.value)
                if isinstance(piece.format_spec, ast.JoinedStr):
                    self._joined_str(piece.format_spec)

    def _named_expr(self, node: ast.NamedExpr) -> None:
        self.plan.walrus[self._ids[node]] = self._ids[node.target]
        node.value = self.value(node.value)

    def _comprehension(self, node: Any) -> None:
        """Wrap a comprehension: what is evaluated first behind each target notes what the target was given."""
        note: ast.expr | None = None
        for generator in node.generators:
            generator.iter = self._behind(note, generator.iter, self.iterable)
            generator.target = self.target(generator.target)
            note = self.note(generator.target)
            for index, condition in enumerate(generator.ifs):
                generator.ifs[index] = self._behind(note, condition, self.test)
                note = None
        first = "key" if isinstance(node, ast.DictComp) else "elt"
        setattr(node, first, self._behind(note, getattr(node, first), self.value))
        if isinstance(node, ast.DictComp):
            node.value = self.value(node.value)

    def _behind(self, note: ast.expr | None, node: ast.expr, wrap: Callable[[Any], Any]) -> Any:
        """Return ``note or node``, wrapped: a note is never true."""
        if note is None:
            return wrap(node)
        if wrap == self.iterable and isinstance(node, ast.List | ast.Tuple) and len(node.elts) == 1:
            node.elts = [self._behind(note, node.elts[0], self.value)]  # the compiler makes an assignment of this loop
            return node
        line, _ = self._places.edges(node)
        wrapped = wrap(node)
        for part in ast.walk(note):
            if isinstance(part, ast.expr):
                part.lineno = part.end_lineno = line
        return ast.BoolOp(ast.Or(), [note, wrapped], **at(line))


_INSIDES: dict[type[ast.expr], Callable[[Wrapper, Any], None]] = {
    ast.BoolOp: Wrapper._bool_op,
    ast.IfExp: Wrapper._if_exp,
    ast.BinOp: Wrapper._bin_op,
    ast.UnaryOp: Wrapper._unary_op,
    ast.Compare: Wrapper._compare,
    ast.Call: Wrapper._call,
    ast.Attribute: Wrapper._attribute,
    ast.Subscript: Wrapper._subscript,
    ast.Lambda: Wrapper._lambda,
    ast.JoinedStr: Wrapper._joined_str,
    ast.NamedExpr: Wrapper._named_expr,
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), Wrapper._comprehension),
}


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
