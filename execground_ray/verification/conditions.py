"""Conditions: ``x > 5`` is true, `13` is at least `12`, the check fails: as the run found them at those lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.notation import Side, parse
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import nodes_in
from execground_ray.verification.values import Opaque
from execground_ray.verification.window import Window

_ADVERB = r"(?:again|also|still|now|then|therefore|thus|just|only|clearly|indeed|already|once more|once again|here|too|both|immediately|finally|no longer|always|this time|even|much|far|well|exactly)"
_TRUE = r"(?P<true>(?:is|are|was|were|=|→|evaluates? to|gives?|yields?|returns?|turns out(?: to be)?|comes out|being|becomes?|:)(?: {adverb})*(?: (?P<no>not))? ?[\"'*]*(?P<word>true|false|‹V(?P<value>\d+)›)|(?P<holds>holds?|is (?:satisfied|met|fulfilled)|succeeds?|passes)|(?P<fails>fails?|does not hold|doesn't hold|is not (?:satisfied|met)|isn't (?:satisfied|met)|no longer holds))".replace(
    "{adverb}", _ADVERB
)
_TRUTH = re.compile(
    rf"‹(?P<kind>[CN])(?P<index>\d+)›(?:,? (?:which|that|it))?(?: {_ADVERB})* ?{_TRUE}(?![\w ]*(?: if | when | unless ))",
    re.IGNORECASE,
)
_RELATIONS = (
    (r"(?:greater|larger|bigger|higher|more) than or equal to|at least(?: as (?:large|big|high|great) as)?|not (?:less|smaller|lower) than|no (?:less|smaller|lower) than", ast.GtE),
    (r"(?:less|smaller|lower) than or equal to|at most|not (?:greater|larger|bigger|higher|more) than|no (?:greater|larger|bigger|higher|more) than|within", ast.LtE),
    (r"(?:strictly )?(?:greater|larger|bigger|higher|more) than|above|beyond", ast.Gt),
    (r"(?:strictly )?(?:less|smaller|lower|fewer) than|below", ast.Lt),
    (r"not equal to|different from|not the same as|unequal to", ast.NotEq),
    (r"equal to|the same as|identical to", ast.Eq),
    (r"(?:already )?(?:in|among|contained in|present in|found in|a key of|a key in|an element of)", ast.In),
    (r"not (?:yet |already )?(?:in|among|contained in|present in|found in|a key of|a key in|an element of)", ast.NotIn),
)  # fmt: skip
_COMPARED = [
    (
        re.compile(
            rf"(?P<left>‹[VNE]\d+›)(?:,? (?:which|that|it))?,?(?: {_ADVERB})* (?P<is>is|are|was)(?: {_ADVERB})*(?P<not> not)?(?: {_ADVERB})* (?:{words}) (?P<right>‹[VNE]\d+›)",
            re.IGNORECASE,
        ),
        kind,
    )
    for words, kind in _RELATIONS
]
_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In}  # fmt: skip
_NONE = re.compile(r"\b(?:neither|none|nor|never|no|nothing|cannot|can't)\b", re.IGNORECASE)
_OPERATORS: dict[type[ast.cmpop], str] = {ast.GtE: ">=", ast.LtE: "<=", ast.Gt: ">", ast.Lt: "<", ast.NotEq: "!=", ast.Eq: "==", ast.In: "in", ast.NotIn: "not in"}  # fmt: skip


def check_conditions(context: Context) -> Iterator[Check]:
    """Judge what a sentence says to be true or false."""
    for match in _TRUTH.finditer(context.sentence.mask):
        yield from _truth(context, match)
    seen: set[int] = set()
    for pattern, kind in _COMPARED:
        for match in pattern.finditer(context.sentence.mask):
            if match.start() not in seen:
                seen.add(match.start())
                yield from _comparison(context, match, kind)


def _truth(context: Context, match: re.Match[str]) -> Iterator[Check]:
    token = context.sentence.tokens[int(match["index"])]
    wanted = _wanted(context, match)
    if wanted is None or len(token.equations) != 1 or len(token.sides) != 1:
        return
    if match["kind"] == "N" and (match["value"] or match["holds"] or match["fails"]):
        return  # what a name is, is an assignment
    side = token.sides[0]
    good = truth(context, side, wanted)
    if good is False and _NONE.search(re.split(r"[.;:]", context.sentence.mask[: match.end()])[-1]):
        good = None
    said = "true" if wanted else "false"
    yield context.verdict(token, Kind.CONDITION, good, f"{side.source} is not {said} there")


def _wanted(context: Context, match: re.Match[str]) -> bool | None:
    if match["holds"]:
        return True
    if match["fails"]:
        return False
    if match["value"]:
        try:
            value = context.sentence.tokens[int(match["value"])].value
        except UnknownError:
            return None
        if not isinstance(value, bool):
            return None
    else:
        value = match["word"].lower() == "true"
    return value is not bool(match["no"])


def truth(context: Context, side: Side, wanted: bool) -> bool | None:
    """Whether an expression was true, or false, at the lines of a sentence; None where that is not known."""
    if side.pure:
        try:
            return bool(side.value) is wanted
        except UnknownError:
            return None
    opposite = _opposite(side)
    for window in (context.window, None if context.cited else context.whole):
        if window is None:
            continue
        if context.cited and (made := window.outcomes(side)):
            return wanted in made
        if opposite is not None and any(_counts(value) is not wanted for value in window.possible(opposite)[0]):
            return True
        values, closed = window.possible(side)
        if any(_counts(value) is wanted for value in values) or _outcomes(window, side, wanted):
            return True
        if not closed and (opposite is None or not window.possible(opposite)[1]):
            return None
    return False if context.window is not None else None


def _opposite(side: Side) -> Side | None:
    """The condition that is true where this one is false."""
    node = side.node
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _OPPOSITES:
        return parse(ast.unparse(ast.Compare(node.left, [_OPPOSITES[type(node.ops[0])]()], node.comparators)))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return parse(ast.unparse(node.operand))
    return None


def _counts(value: object) -> bool | None:
    return None if isinstance(value, Opaque) else bool(value)


def _outcomes(window: Window, side: Side, wanted: bool) -> bool:
    return any(
        event.outcome == wanted
        for event in window.by_type.get(type(side.node), ())
        if event.outcome >= 0 and event.node is side.node
    )


def _comparison(context: Context, match: re.Match[str], kind: type[ast.cmpop]) -> Iterator[Check]:
    tokens = context.sentence.tokens
    left, right = (tokens[int(match[group][2:-1])] for group in ("left", "right"))
    before = context.sentence.mask[: match.start()]
    if re.search(
        r"\b(?:of|between|than|index|position|at|by|nor|neither|plus|minus|times)\s*$", before, re.IGNORECASE
    ) or _NONE.search(before):
        return
    sides = (_operand(left), _operand(right))
    if None in sides:
        return
    compared = parse(f"({sides[0]}) {_OPERATORS[kind]} ({sides[1]})")
    if compared is None:
        return
    good = truth(context, compared, not match["not"])
    if good is False and (_rounded(compared) or (not context.attributed and not compared.pure)):
        good = None
    yield context.verdict(
        right, Kind.CONDITION, good, f"not so there: {' '.join(match.group('left', 'right'))} {compared.source}"
    )


def _operand(token: Token) -> str | None:
    """What of a token is compared: of an equation the value that it comes to."""
    if len(token.equations) != 1:
        return None
    if len(token.sides) > 1:
        pure = [side for side in token.sides if side.pure]
        return pure[-1].source if pure else None
    return token.sides[0].source


def _rounded(side: Side) -> bool:
    """Whether an equation of rounded numbers may only be so because they are."""
    return (
        isinstance(side.node, ast.Compare)
        and isinstance(side.node.ops[0], ast.Eq | ast.NotEq)
        and any(isinstance(each, ast.Constant) and isinstance(each.value, float) for each in nodes_in(side.node))
    )
