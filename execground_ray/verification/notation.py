"""Reads what a text sets as code or mathematics: Python, and what people write beside it.

``13! / (1! * 12!) = 13``, ``3 × 4 ≤ 20``, ``left = mid + 1 = 5``: sides between equals signs, each an expression.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from execground_ray.verification.arithmetic import FUNCTIONS, UnknownError, evaluate, is_pure
from execground_ray.verification.trees import key_of, name_of_call, nodes_in
from execground_ray.verification.values import rounding

MAX_LENGTH = 6_000
_SIGNS = str.maketrans({"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "≤": "<=", "≥": ">=", "≠": "!=", "∞": "inf", "\u00a0": " "})  # fmt: skip
_LATEX = {r"\times": "*", r"\cdot": "*", r"\div": "/", r"\leq": "<=", r"\geq": ">=", r"\le": "<=", r"\ge": ">=", r"\neq": "!=", r"\ne": "!=", r"\bmod": "%", r"\mod": "%", r"\infty": "inf", r"\,": "", r"\left": "", r"\right": "", r"\%": "%", r"\oplus": "^", r"\land": " and ", r"\lt": "<", r"\gt": ">", r"\text": "", r"\mathrm": "", r"\quad": " "}  # fmt: skip
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\{([^{}]*)\}|√\(?([\w.]+)\)?")
_FACTORIAL = re.compile(r"\b(\d+)!(?!=)")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_POWER = re.compile(r"(?<=[\w)\]])([⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_EQUALS = re.compile(r"(?<![=<>!+\-*/%&|^:])=(?!=)")
_KEYWORD = re.compile(r"^(?:if|elif|while|return|and|or)\s+(?!not in\b)")
# What the reader sees of such values are their parts: `defaultdict(<class 'int'>, {...})`, `array([...], dtype=int8)`.
_DEFAULTS = re.compile(r"defaultdict\(<class '[\w.]+'>, (\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})\)")
_TYPED = re.compile(r"(?<!\.)\b(array\([^=]*), dtype=[\w.]+(?=\))")
_WRITTEN = frozenset("set frozenset deque array Counter OrderedDict float float64 int64".split())
_AUGMENTED = re.compile(r"([^=<>!]+?)\s*(\+|-|\*\*|//|\*|/|%|&|\||\^|<<|>>)=\s*([^=].*)", re.DOTALL)
_NEXT = re.compile(r"[,;]\s*(?=[A-Za-z_][\w.]*(?:\[[^\[\]]*\])*\s*=(?!=))|;")


@dataclass(frozen=True, eq=False)
class Side:
    """One side of an equation, or a whole expression.

    Attributes:
        node: Its tree.
        source: As written, cleaned.
        key: The tree as text, to compare by.
        pure: Without names.
    """

    node: ast.expr
    source: str
    key: str
    pure: bool

    @cached_property
    def value(self) -> Any:
        """The value of a pure side.

        Raises:
            UnknownError: it is not known.
        """
        if not self.pure:
            raise UnknownError(self.source)
        return evaluate(self.node, {})

    @cached_property
    def names(self) -> frozenset[str]:
        """Its names, but for those of functions that can be worked out."""
        return frozenset(each.id for each in nodes_in(self.node) if isinstance(each, ast.Name)) - FUNCTIONS.keys()

    @cached_property
    def tolerance(self) -> float:
        """By how much its value may be off where a number in it is rounded."""
        return rounding(self.source)

    @cached_property
    def is_condition(self) -> bool:
        """Whether it is a comparison or another expression that is true or false."""
        node = self.node
        return isinstance(node, ast.Compare | ast.BoolOp) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        )

    @property
    def is_call(self) -> bool:
        """Whether it is a call of which something comes, not one that writes a value, ``deque([1])``."""
        return isinstance(self.node, ast.Call) and name_of_call(self.node) not in _WRITTEN

    @cached_property
    def is_literal(self) -> bool:
        """Whether it is a value as Python writes it, not one to be worked out."""
        return self.pure and not any(
            isinstance(each, ast.BinOp | ast.Compare | ast.BoolOp | ast.Call | ast.Subscript)
            for each in nodes_in(self.node)
        )


@lru_cache(maxsize=4_000)
def parse(source: str) -> Side | None:
    """An expression, or None where the text is none."""
    source = source.strip()
    if not source or len(source) > MAX_LENGTH:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            node = ast.parse(source, mode="eval").body
        key = key_of(node)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if any(isinstance(each, ast.Constant) and each.value is ... for each in nodes_in(node)):
        return None
    return Side(node, source, key, is_pure(node))


@lru_cache(maxsize=4_000)
def read(source: str, mathematics: bool = False) -> tuple[tuple[Side, ...], ...]:
    """The equations in a stretch of code or mathematics: each a tuple of sides; a lone expression is one side.

    An augmented assignment is the operation that it does: ``total += 5`` is ``total + 5``.

    Empty where it is neither: a piece of a program, words.
    """
    text = clean(source, mathematics)
    if match := _AUGMENTED.fullmatch(text):
        operation = parse("({}) {} ({})".format(*match.groups()))
        return ((operation,),) if operation else ()
    many = _parts(text, _NEXT, _equation) if _NEXT.search(text) else ()
    return many or tuple(filter(None, [_parts(text, _EQUALS, parse)]))


def _equation(text: str) -> tuple[Side, ...]:
    """The sides of what has more than one."""
    sides = _parts(text, _EQUALS, parse)
    return sides if len(sides) > 1 else ()


def _parts(text: str, separator: re.Pattern[str], read_part: Callable[[str], Any]) -> tuple[Any, ...]:
    """The parts of a text between separators; where one cannot be read, the separator belonged to it: ``f(x=1)``.

    Empty if some of it cannot be read at all.
    """
    found, start = [], 0
    for end in [*(match.start() for match in separator.finditer(text)), len(text)]:
        part = read_part(text[start:end].lstrip("=,; " if start else ""))
        if part:
            found.append(part)
            start = end
    return tuple(found) if start == len(text) else ()


def clean(source: str, mathematics: bool = False) -> str:
    """Python for what a text writes."""
    text = _KEYWORD.sub("", source.strip()).removesuffix(":")
    text = _TYPED.sub(r"\1", _DEFAULTS.sub(r"\1", text))
    if not any(quote in text for quote in "'\""):
        text = text.translate(_SIGNS)
        text = _POWER.sub(lambda match: "**" + match[1].translate(_RAISED), text)
        if "\\" in text:
            text = _FRACTION.sub(r"((\1)/(\2))", text)
            text = _ROOT.sub(r"sqrt(\1\2)", text)
            for sign in sorted(_LATEX, key=len, reverse=True):
                text = text.replace(sign, _LATEX[sign])
            mathematics = True
        text = _ROOT.sub(r"sqrt(\1\2)", text)
        if mathematics:
            text = text.replace("^{", "**{").replace("^", "**").replace("{", "(").replace("}", ")")
        text = _FACTORIAL.sub(r"factorial(\1)", text)
        if _THOUSANDS.fullmatch(text):
            text = text.replace(",", "")
    return re.sub(r"\s*\n\s*", " ", text)
