"""What a sentence says of names in words: ``total`` becomes ``13``, both ``a`` and ``b`` stay ``0``, ``f(3)`` returns ``5``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.equations import fits, has_value
from execground_ray.verification.finding import Kind
from execground_ray.verification.notation import Side, parse, tolerance_of
from execground_ray.verification.tokens import Token
from execground_ray.verification.values import Opaque, freeze
from execground_ray.verification.window import Window

_SUBJECT = r"‹[NE]\d+›"
_OBJECT = r"‹[VE]\d+›"
_ADVERB = (
    r"(?:now|then|therefore|thus|still|also|again|just|only|already|both|all|each|currently|simply|exactly|initially|hence|"
    r"accordingly|once more|once again|consequently|here|finally|likewise|too|at first|this time|there|directly|unchanged at|equal to|as well)"
)
_VERB = (
    r"(?:becomes?|became|is|are|was|stays?|stayed|remains?|remained|equals?|holds?|gets|"
    r"(?:stays?|remains?|starts?|begins?|is initiali[sz]ed|is kept|ends up|starts? out|starts? off) (?:at|as|with)|"
    r"(?:is|are|gets|get|becomes?) (?:set|reset|updated|changed|initiali[sz]ed|assigned|increased|decreased|raised|lowered|incremented|decremented|reduced|cut|advanced|moved)(?: (?:up|down|back))? (?:to|as|with)|"
    r"(?:goes|grows|rises|drops|falls|changes|moves|advances|increases|decreases|shrinks|jumps|climbs)(?: (?:up|down|back|on))? to|"
    r"has (?:gone|grown|risen|dropped|fallen|changed|moved|shrunk)(?: (?:up|down|back|on))? to|"
    r"(?:takes|has|gets|receives|takes on|assumes) (?:on )?the (?:new )?value(?: of)?|turns into|comes to)"
)
_NOUN = r"(?:(?:an?|the) (?:(?:new|empty|single|whole|same|full|final|updated|initial) )*(?:value|list|string|number|tuple|set|dictionary|integer|float|array|boolean|character|letter|digit|deque|queue|pair|text)(?: of)?)"
_LIST = rf"{_SUBJECT}(?:(?:, (?:and )?| and | or |/){_SUBJECT})*"
_OBJECTS = rf"{_OBJECT}(?:(?:, (?:and )?| and | or ){_OBJECT})*"
_SAYS = re.compile(
    rf"(?P<subjects>{_LIST})(?: \((?:‹\w+›|[^()])*\))?(?:,? (?:which|that|it|so it))?,?(?: {_ADVERB},?)* (?P<verb>{_VERB})(?: {_ADVERB})*(?: {_NOUN})? ?(?P<objects>{_OBJECTS})(?P<tail>[^.;]*)",
    re.IGNORECASE,
)
_MAKES = re.compile(
    rf"\b(?:sets?|resets?|initiali[sz]es?|raises|increases|updates?|changes|brings?|moves|makes?|making|setting|bringing|leaves|leaving|gives?|giving|updating|raising)(?: {_ADVERB})* (?P<subjects>{_LIST})(?: {_ADVERB})* (?:to|as|at|with|equal to|become)?(?: {_NOUN})? ?(?P<objects>{_OBJECT})(?P<tail>[^.;]*)",
    re.IGNORECASE,
)
_RETURNS = re.compile(
    rf"(?P<subject>‹[NW]\d+›)(?: {_ADVERB})* (?:returns?|returned|gives(?: back)?|yields?|hands back|evaluates to|results in|produces)(?: {_ADVERB})*(?: {_NOUN})? ?(?P<object>{_OBJECT})",
    re.IGNORECASE,
)
_KEYED = re.compile(
    r"‹V(?P<key>\d+)› (?:gets|maps to|is mapped to|has the value|is set to|becomes)(?: the value)? ‹V(?P<value>\d+)›",
    re.IGNORECASE,
)
# Of what stands before the names it is not the names that the sentence speaks, but of something of theirs.
_OF_THEM = re.compile(
    r"\b(?:of|between|than|by|from|in|to|at|plus|minus|times|for|into|on|over|under|against|behind|before|after|inside|with|inside of|below|above|per|through|within|index|position|key|entry|both|‹\w+› (?:and|or))(?: the)?\s*$",
    re.IGNORECASE,
)
# Behind these a name outside of code marks begins a clause of its own.
_AS_NAME = re.compile(
    r"(?:^|[,.:;(]|\b(?:so|and|then|now|thus|hence|therefore|where|because|with|while|here|but|also|makes|sets|value of))\s*$",
    re.IGNORECASE,
)
_VALUE_OF = re.compile(r"\b(?:values?|content|contents) of\s*$", re.IGNORECASE)
_TAKES = re.compile(r"\b(?:takes?|gets?|has|receives?|to|with) the (?:\w+ )?values? of\s*$", re.IGNORECASE)
_PLURAL = re.compile(r"^(?:are|were|become|became|stay|remain|start|begin|get|hold|have|equal)\b", re.IGNORECASE)
_LENGTH_OF = re.compile(r"\b(?:length|size) of\s*$", re.IGNORECASE)
_MORE = re.compile(
    r"^\s*(?:times|more|less|fewer|greater|smaller|larger|higher|lower|longer|shorter|places?|positions?|steps?|characters?|long|elements?|items?|entries|letters?|digits?|percent|%|above|below|or more|or less|bigger|years|units|bits|to ‹|or ‹|and (?:above|below)|apart|away|short|off|in (?:size|length)|-|–|\.\.\.)",
    re.IGNORECASE,
)
_STAYS = re.compile(r"^(?:stay|remain)", re.IGNORECASE)
_BECOMES = re.compile(
    r"^(?:becom|became|(?:is|are|gets?|get) \w+ (?:(?:up|down|back) )?to|goes|grows|rises|drops|falls|changes|turns|moves|jumps|climbs)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"‹(\w)(\d+)›")


def check_relations(context: Context) -> Iterator[Check]:
    """Judge what a sentence says of names."""
    if context.window is None:
        return
    for pattern in (_SAYS, _MAKES):
        for match in pattern.finditer(context.sentence.mask):
            yield from _relation(context, match)
    for match in _RETURNS.finditer(context.sentence.mask):
        yield from _returns(context, match)
    for match in _KEYED.finditer(context.sentence.mask):
        yield from _keyed(context, match)


def _tokens(context: Context, mask: str) -> list[Token]:
    return [context.sentence.tokens[int(match[2])] for match in _TOKEN.finditer(mask)]


def _relation(context: Context, match: re.Match[str]) -> Iterator[Check]:
    subjects, objects = _tokens(context, match["subjects"]), _tokens(context, match["objects"])
    before = context.sentence.mask[: match.start("subjects")]
    length = bool(_LENGTH_OF.search(before)) and len(subjects) == 1
    verb = match.groupdict().get("verb") or "is set to"
    if len(subjects) > 1 and match.re is _SAYS and not _PLURAL.search(verb):  # "gets the value of `x`, and `y` is 5"
        subjects, before = subjects[-1:], ""
    if (
        not length
        and match.re is _SAYS
        and _OF_THEM.search(before)
        and (not _VALUE_OF.search(before) or _TAKES.search(before))
    ):
        if len(subjects) == 1 or not re.search(r"\bboth\s*$", before, re.IGNORECASE):
            return
    if not objects[-1].marked and _MORE.search(match["tail"]):
        return
    if " or " in match["objects"] or " or " in match["subjects"]:
        return
    for subject, target in _pairs(subjects, objects):
        side = _subject_side(subject)
        if side is None or (not subject.marked and _is_word(side.source, context.before(subject), verb)):
            continue
        if length:
            side = parse(f"len({side.source})") or side
        yield from _holds(context, side, target, verb)


def _is_word(name: str, before: str, verb: str) -> bool:
    """Whether a name outside of code marks is the English word: "the first row is", but not "the goal stays at"."""
    if not name.isalpha() or not (name.islower() or name.isupper()) or _AS_NAME.search(before):
        return False
    return not re.search(r"\bthe\s*$", before, re.IGNORECASE) or verb.lower() in {"is", "are", "was", "has"}


def _pairs(subjects: list[Token], objects: list[Token]) -> list[tuple[Token, Token]]:
    """Which names go with which values: one to one in their order, or all with the only one."""
    if len(objects) == 1:
        return [(subject, objects[0]) for subject in subjects]
    if len(objects) == len(subjects) > 1:
        return list(zip(subjects, objects, strict=True))
    return []


def _subject_side(token: Token) -> Side | None:
    """The names' side of a subject: of a name itself, of ``i = 3`` nothing, as a sentence about it says it already."""
    if len(token.equations) != 1 or len(token.sides) != 1:
        return None
    side = token.sides[0]
    return None if side.pure or side.is_condition else side


def _holds(context: Context, side: Side, target: Token, verb: str) -> Iterator[Check]:
    if len(target.sides) > 1 and not target.sides[0].pure:
        return  # "`f(x)` gives `y = 5`": the equation says of what
    try:
        value = target.value
    except UnknownError:
        return
    good = has_value(context, side, value, tolerance_of(target.sides[-1]))
    if good and context.cited and context.window is not None and not _in_time(context.window, side, value, verb):
        good = False
    if good is False and isinstance(value, bool):
        good = None if not target.marked else _truth(context.window, side, value)
    if good is False and not target.marked and not isinstance(value, int | float | list | tuple | dict | set):
        good = None
    yield context.verdict(target, Kind.ASSIGNMENT, good, f"{side.source} is not {target.sides[-1].source} there")


def _in_time(window: Window, side: Side, value: object, verb: str) -> bool:
    """Whether what a name becomes is a value that it gets at these lines, and what it stays one that it has behind them."""
    got, left = window.changes(side)
    if not got:
        return True
    if _STAYS.search(verb):
        return any(fits(value, each, 0.0) for each in left)
    return not _BECOMES.search(verb) or any(fits(value, each, 0.0) for each in (*got, *left))


def _truth(window: Window | None, side: Side, value: bool) -> bool | None:
    """Whether an expression counted as true or false; a value that is no bool may be called so."""
    values = window.possible(side)[0] if window else []
    return any(bool(each) is value and not isinstance(each, bool) for each in values)


def _returns(context: Context, match: re.Match[str]) -> Iterator[Check]:
    subject, target = _tokens(context, match.group())[:2]
    side = _subject_side(subject)
    if side is None or context.window is None or not target.sides or not target.sides[0].pure:
        return
    try:
        value = target.value
    except UnknownError:
        return
    if isinstance(side.node, ast.Call):
        good = has_value(context, side, value, tolerance_of(target.sides[-1]))
    else:
        good = _returned(context.window, side.source.rpartition(".")[2], value, tolerance_of(target.sides[-1]))
    yield context.verdict(target, Kind.CALL, good, f"{side.source} does not return {target.sides[-1].source} there")


def _returned(window: Window, name: str, value: object, tolerance: float) -> bool | None:
    """Whether a call of the function that ends at these lines returned a value."""
    calls = [frame for frame in window.run.frames if frame.name.rpartition(".")[2] == name]
    ending = [frame for frame in calls if frame.last in window.lines]
    if any(fits(value, frame.returned, tolerance) for frame in ending):
        return True
    if any(isinstance(frame.returned, Opaque) or fits(value, frame.returned, tolerance) for frame in calls):
        return None
    return False if ending and window.complete else None


def _keyed(context: Context, match: re.Match[str]) -> Iterator[Check]:
    """``'b'` gets `3``: where some dictionary of these lines has the key, one of them has it with that value."""
    window, tokens = context.window, context.sentence.tokens
    target = tokens[int(match["value"])]
    try:
        key, value = freeze(tokens[int(match["key"])].value), freeze(target.value)
    except UnknownError:
        return
    if window is None or not context.cited or not isinstance(key, str):
        return
    found = {item for entries in window.dict_entries for name, item in entries if name == key}
    if found and window.complete and not window.opaque:
        yield context.verdict(target, Kind.ASSIGNMENT, value in found, f"{key!r} has another value there")
