"""What a sentence says with the words for an operator: "`total` is greater than `5`", "`16` is already in `seen`".

Each is put into code, ``total > 5``, and judged as that.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.facts import is_true
from execground_ray.verification.finding import Kind
from execground_ray.verification.notation import Side, parse
from execground_ray.verification.tokens import Token
from execground_ray.verification.values import MUTABLE, freeze, parts

_IS = (
    r"(?:,? (?:which|that|it))?(?: (?:now|then|also|still|only|again|already|itself|clearly|indeed))* "
    r"(?:(?:is|are|was|were|remains?|stays?|being)(?: (?:now|also|still|only|again|already|itself|clearly|indeed|even|both|just|strictly|exactly|currently|evenly|much|far))*"
    r"(?P<no> not|n't)?(?: (?:yet|even|strictly|evenly|already|exactly|currently|one of|a|an))*) "
)
_LEFT, _RIGHT = r"(?P<left>‹[VNE]\d+›)", r"(?P<right>‹[VNE]\d+›)"
_THE = r"(?: the)?(?: (?:list|set|string|dictionary|stack|queue|limit|bound|current|value|minimum|maximum|threshold|end of|back of|front of))*"
_BETWEEN: tuple[tuple[str, str], ...] = (
    (r"(?:(?:greater|larger|bigger|more|higher) than or equal to|at least|no (?:less|smaller|fewer) than)", "{} >= {}"),
    (r"(?:(?:less|smaller|lower|fewer) than or equal to|at most|no (?:more|greater|larger|higher) than)", "{} <= {}"),
    (r"(?:(?:greater|larger|bigger|more|higher) than(?! or)|above|beyond)", "{} > {}"),
    (r"(?:(?:less|smaller|lower|fewer) than(?! or)|below|under)", "{} < {}"),
    (r"(?:equal to|the same as|identical to)", "{} == {}"),
    (r"(?:different from|unequal to)", "{} != {}"),
    (r"(?:divisible by|multiple of)", "{} % {} == 0"),
    (r"(?:in|inside|among|contained in|present in|found in|part of|element of|member of)", "{} in {}"),
)
_ALONE: tuple[tuple[str, str], ...] = (
    (r"even(?: number)?\b(?! (?:less|more|smaller|greater|larger|though|if|when|after))", "{} % 2 == 0"),
    (r"odd\b", "{} % 2 == 1"),
    (r"positive\b", "{} > 0"),
    (r"negative\b", "{} < 0"),
    (r"non-?zero\b", "{} != 0"),
    (r"empty\b(?! (?:list|string|set|dictionary|tuple|except|but|apart))", "len({}) == 0"),
    (r"non-?empty\b(?! (?:list|string|set|dictionary|tuple))", "len({}) > 0"),
)
_DOES = r"(?:,? (?:which|that|it|and))?(?: (?:now|then|also|still|only|already|clearly|indeed))* (?P<no>(?:does|do|did) not(?: yet| even| already)? )?"
_VERBS: tuple[tuple[str, str], ...] = (
    (r"exceeds?", "{} > {}"),
    (r"differs? from", "{} != {}"),
    (r"equals?", "{} == {}"),
    (r"(?:contains?|includes?)", "{1} in {0}"),
    (r"(?:evenly )?divides?", "{1} % {0} == 0"),
)
_PUT = r"(?:re)?(?:append|add|push|put|store|insert|place|enqueue|record|save|prepend)"
_GIVEN = (
    rf"{_LEFT}(?:,? (?:which|it))?(?: (?:is|are|was|gets?|being))?(?: (?:then|now|also|next|therefore|thus|again))* {_PUT}(?:e?d|ped|ted)?(?: back| as well| again)? (?:to|in|on|into|onto|at){_THE} {_RIGHT}",
    rf"\b{_PUT}(?:e?s|ing|e?d)? {_LEFT} (?:to|in|on|into|onto|at){_THE} {_RIGHT}",
)
_TAKEN = (
    rf"{_LEFT}(?:,? (?:which|it))?(?: (?:is|are|was|gets?|being))(?: (?:then|now|also|next|therefore|thus|again))* (?:popped|removed|taken|deleted|dequeued|dropped|discarded)(?: (?:off|out))? (?:from|of|off){_THE} {_RIGHT}",
    rf"\b(?:pop|remov|tak|delet|dequeu|dropp?|discard)(?:e?s|ing) {_LEFT}(?: (?:off|out))? (?:from|of|off){_THE} {_RIGHT}",
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), template)
    for pattern, template in (
        *((rf"{_LEFT}{_IS}{words}{_THE} {_RIGHT}", template) for words, template in _BETWEEN),
        *((rf"{_LEFT}{_IS}{words}", template) for words, template in _ALONE),
        *((rf"{_LEFT}{_DOES}{words}{_THE} {_RIGHT}", template) for words, template in _VERBS),
        *((pattern, "put") for pattern in _GIVEN),
        *((pattern, "{} in {}") for pattern in _TAKEN),
    )
)


def check_predicates(context: Context) -> Iterator[Check]:
    """Judge what a sentence says with the words for an operator."""
    if not context.attributed or (context.window is None):
        return
    for pattern, template in _PATTERNS:
        for match in pattern.finditer(context.mask):
            named = match.groupdict()
            tokens = [context.tokens(named[side])[0] for side in ("left", "right") if named.get(side)]
            written = [_written(token) for token in tokens]
            if not all(written) or not all(token.marked for token in tokens):
                continue
            if template == "put":
                good, said = _is_put(context, *tokens)
            else:
                good, said = _is_so(context, template.format(*written), tokens, not named.get("no"))
            yield context.verdict(tokens[-1], Kind.CONDITION, good, f"{said} is not so there")


def _written(token: Token) -> str:
    """The code that stands for a token in an expression: of an equation its value."""
    if len(token.equations) != 1 or not token.sides:
        return ""
    side = token.sides[-1]
    return "" if side.is_condition else f"({side.source})"


def _is_so(context: Context, code: str, tokens: list[Token], wanted: bool) -> tuple[bool | None, str]:
    side = parse(code)
    if side is None:
        return None, code
    good = is_true(context, side, wanted, tokens[-1])
    if good is False and wanted and isinstance(side.node, ast.Compare) and isinstance(side.node.ops[0], ast.In):
        what, where = (parse(ast.unparse(each)) for each in (side.node.left, side.node.comparators[0]))
        good = False if _is_nowhere(context, what, where) else None
    return good, code if wanted else f"not {code}"


def _is_put(context: Context, what: Token, where: Token) -> tuple[bool | None, str]:
    """What is put into a list is in it, what is put into a variable is its value."""
    side = where.sides[-1]
    if side.pure or not context.cited or context.window is None:
        return None, ""
    values = context.window.possible(side).values
    if not any(isinstance(value, MUTABLE | str | tuple) for value in values):
        return None, ""
    return _is_so(context, f"{_written(what)} in {_written(where)}", [what, where], True)


def _is_nowhere(context: Context, what: Side | None, where: Side | None) -> bool:
    """Whether a value is not even in a part of what a collection holds."""
    if what is None or where is None or context.window is None:
        return False
    try:
        value = what.value
        holders = [where.value] if where.pure else context.window.possible(where).values
    except UnknownError:
        return False
    return not any(_holds(holder, value) for holder in holders)


def _holds(holder: Any, value: Any) -> bool:
    if isinstance(holder, str):
        return str(value) in holder
    keys = set(map(freeze, parts(holder)))
    if freeze(value) in keys:
        return True
    return isinstance(value, list | tuple | set) and {freeze(each) for each in value} <= keys
