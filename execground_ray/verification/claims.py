"""What a sentence says in words: ``total`` becomes ``13``, ``x > 5`` is false, ``f(3)`` returns ``5``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.equations import is_of_another_kind
from execground_ray.verification.facts import follows, has_returned, has_value, is_true
from execground_ray.verification.finding import Kind
from execground_ray.verification.marked_operations import is_another
from execground_ray.verification.notation import Side, parse
from execground_ray.verification.tokens import Token
from execground_ray.verification.values import kind_of

_ADVERB = (
    r"(?:now|then|therefore|thus|still|also|again|just|only|already|both|all|each|currently|simply|exactly|initially|hence|clearly|"
    r"indeed|accordingly|once more|once again|consequently|here|finally|likewise|too|at first|this time|there|directly|immediately|"
    r"unchanged at|equal to|this|these|as well|no longer|always|even|much|far|well)"
)
_CHANGE = r"(?:up|down|back|on)"
_VERB = (
    r"(?:becomes?|became|is|are|was|equals?|holds?|gets|turns into|comes to|(?:stay|remain)(?:s|ed)?|"
    r"(?:stays?|remains?|starts?(?: out| off)?|begins?|is initiali[sz]ed|is kept|ends up) (?:at|as|with)|"
    r"(?:is|are|gets?|becomes?) (?:re)?(?:set|updated|changed|initiali[sz]ed|assigned|increased|decreased|raised|lowered|incremented|decremented|reduced|cut|advanced|moved)"
    rf"(?: {_CHANGE})? (?:to|as|with)|"
    rf"(?:has )?(?:goes|grows|rises|drops|falls|changes|moves|advances|increases|decreases|shrinks|jumps|climbs|gone|grown|risen|dropped|fallen|changed|moved|shrunk)(?: {_CHANGE})? to|"
    r"(?:takes|has|gets|receives|takes on|assumes) (?:on )?the (?:new )?value(?: of)?|"
    r"returns?|returned|gives(?: back)?|yields?|hands back|evaluates to|results in|produces)"
)
_NOUN = r"(?:(?:an?|the) (?:(?:new|empty|single|whole|same|full|final|updated|initial) )*(?:value|list|string|number|tuple|set|dictionary|integer|float|array|boolean|character|letter|digit|deque|queue|pair|text)(?: of)?)"
_SUBJECT, _OBJECT = r"‹[NE]\d+›", r"‹[VE]\d+›"
_SUBJECTS = rf"(?P<subjects>{_SUBJECT}(?:(?:, (?:and )?| and | or |/){_SUBJECT})*)"
_OBJECTS = rf"(?P<objects>{_OBJECT}(?:(?:, (?:and )?| and | or ){_OBJECT})*)"
_WHICH = r"(?:,? (?:which|that|it|so it|and (?:it|this|that)))?,?"
_SAYS = re.compile(
    rf"{_SUBJECTS}(?: \((?:‹\w+›|[^()])*\))?{_WHICH}(?: {_ADVERB},?)* (?P<verb>{_VERB})(?: {_ADVERB})*(?: {_NOUN})? ?{_OBJECTS}",
    re.IGNORECASE,
)
_MAKES = re.compile(
    rf"\b(?:(?:re)?sets?|initiali[sz]es?|raises|increases|updates?|changes|brings?|moves|makes?|making|setting|bringing|leaves|leaving|gives?|giving|updating|raising)(?: {_ADVERB})* "
    rf"(?P<subjects>{_SUBJECT})(?: {_ADVERB})* (?:to|as|at|with|equal to|become)?(?: {_NOUN})? ?(?P<objects>{_OBJECT})",
    re.IGNORECASE,
)
_TRUTH = re.compile(
    rf"(?P<subject>‹[CN]\d+›)(?:,? (?:with|for|where|as) ‹E\d+›(?:,? and ‹E\d+›|, ‹E\d+›)*)?{_WHICH}(?: {_ADVERB})* ?(?:"
    rf"(?:is|are|was|were|=|→|evaluates? to|gives?|yields?|returns?|turns out(?: to be)?|comes out|being|becomes?|:|,)(?: {_ADVERB})*(?P<no> not)? ?[\"'*]*(?P<word>true|false|‹V\d+›)"
    r"|(?P<holds>holds?|is (?:satisfied|met|fulfilled)|succeeds?|passes)"
    r"|fails?|does not hold|doesn't hold|is not (?:satisfied|met)|isn't (?:satisfied|met)|no longer holds)(?![\w ]* (?:if|when|unless) )",
    re.IGNORECASE,
)
# Of what stands before the names it is not the names that the sentence speaks, but of something of theirs.
_OF_THEM = re.compile(
    r"\b(?:of|between|than|by|from|in|to|at|plus|minus|times|for|into|on|over|under|against|behind|before|after|inside|with|below|above|per|through|within|index|position|key|entry|both|if|(?<!so )that|whether|nor|neither|‹\w+› (?:and|or))(?: the)?\s*$",
    re.IGNORECASE,
)
_OF_MANY = re.compile(
    r"\b(?:list|tuple|set|sum|product|number|count)s? of (?:(?:all|the|these) )*[a-z]+\s*$", re.IGNORECASE
)
_SO_MANY = re.compile(r"\b(?:list|string|tuple|set|dictionary|array|deque|queue) of ‹[VE]\d+›$", re.IGNORECASE)
_BEING_TRUE = re.compile(
    r"\b(?:makes?|making|leaves?|leaving|renders?|finds?|with|as) (?P<subject>‹[CN]\d+›)(?P<no> not)? (?P<word>true|false)(?P<holds>)",
    re.IGNORECASE,
)
_VALUE_OF = re.compile(r"(?<!takes the )(?<!gets the )(?<!to the )\b(?:values?|content|contents) of\s*$", re.IGNORECASE)
_PLURAL = re.compile(r"^(?:are|were|become|became|stay|remain|start|begin|get|hold|have|equal)\b", re.IGNORECASE)
_BEGINS = re.compile(r"(?:start|begin|end).* with$", re.IGNORECASE)
_RETURNS = re.compile(r"return|gives?\b|yield|hands", re.IGNORECASE)
_HOLDS = re.compile(r"holds?\b", re.IGNORECASE)
_IN_CLAUSE = re.compile(r", (?:where|which|whose|for which)\b[^.;:]*$", re.IGNORECASE)
_ENDS_CLAUSE = re.compile(r"‹\w+›, (?!which|that|it\b|so\b|and\b)")
_WITH_IT = re.compile(r"\bwith (?P<values>‹C\d+›), and it (?:is|was) ", re.IGNORECASE)
_NONE = re.compile(r"\b(?:neither|none|nor|never|no|nothing|cannot|can't)\b[^.;:,]*$", re.IGNORECASE)


def check_claims(context: Context) -> Iterator[Check]:
    """Judge what a sentence says in words."""
    for pattern, judge in (
        (_SAYS, _says),
        (_MAKES, _says),
        (_TRUTH, _truth),
        (_BEING_TRUE, _truth),
    ):
        for match in pattern.finditer(context.mask):
            yield from judge(context, match)


def _says(context: Context, match: re.Match[str]) -> Iterator[Check]:
    """Names and the values that they have or get: one to one in their order, or all of them the only one."""
    subjects, objects = context.tokens(match["subjects"]), context.tokens(match["objects"])
    before, behind = context.mask[: match.start("subjects")], context.mask[match.end() :]
    verb = match["verb"] if match.re is _SAYS else ""
    if verb and len(subjects) > 1 and not _PLURAL.search(verb):
        if ", which" in match[0]:  # "adds `f(1)` and `f(0)`, which gives"
            return
        # "gets the value of `x`, and `y` is 5"
        subjects, before = subjects[-1:], ""
    if _ENDS_CLAUSE.match(match[0]) and _IN_CLAUSE.search(before):  # "`f(3)`, where it goes over `range(2)`, returns"
        return
    length = len(subjects) == 1 and re.search(r"\b(?:length|size) of\s*$", before, re.IGNORECASE)
    is_own = len(subjects) == 1 and re.match(r"‹\w+›, which", match[0])
    of_them = (
        verb
        and not is_own
        and (_OF_THEM.search(before) or _OF_MANY.search(before))
        and not before.endswith("both ")
        and not _VALUE_OF.search(before)
    )
    if " or " in match[0] or (of_them and not length) or _SO_MANY.search(match[0]):
        return
    if (
        not objects[-1].marked
        and re.match(r"\s*(?:[a-z%‹–-]|\.\.\.)", behind)
        and not re.match(r" (?:and|so) ", behind)
    ) or context.is_part(objects[-1]):
        return  # "is 3 times", "is 5 more than"
    if len(objects) not in {1, len(subjects)}:
        return
    for index, subject in enumerate(subjects):
        side = _of_names(subject)
        if side is not None:
            side = (parse(f"len({side.source})") or side) if length else side
            yield from _holds(context, side, objects[index % len(objects)], verb)


def _of_names(token: Token) -> Side | None:
    """The expression of names that a token is; none of ``i = 3``, as a sentence about it says it already."""
    if len(token.equations) != 1 or len(token.sides) != 1:
        return None
    side = token.sides[0]
    is_nothing_named = isinstance(side.node, ast.Tuple | ast.Dict) or (side.pure and not side.is_call)
    return None if is_nothing_named or side.is_condition else side


def _holds(context: Context, side: Side, target: Token, verb: str) -> Iterator[Check]:
    if len(target.sides) > 1 and not target.sides[0].pure:
        return  # "`f(x)` gives `y = 5`": the equation says of what
    try:
        value, written = target.value, target.sides[-1]
    except UnknownError:
        return
    window, worked_out = context.window, target.sides[0].node
    if window and context.cited and window.complete and is_another(window, side, worked_out):
        yield context.verdict(target, Kind.OPERATION, False, f"{ast.unparse(worked_out)} is not done there")
    find, kind = (has_returned, Kind.CALL) if _RETURNS.search(verb) else (has_value, Kind.ASSIGNMENT)
    good = follows(side, context.given(target), value, written.tolerance) if target.marked and context.cited else None
    good = find(context, side, value, written.tolerance) if good is None else good
    if good is False and not written.is_literal and isinstance(value, float) and value.is_integer():
        good = find(context, side, int(value), written.tolerance)  # `total` is `6 / 2`, of which `int` was taken
    if good and context.cited:
        shows_itself = target.marked and (isinstance(side.node, ast.Name) or kind is Kind.CALL)
        shows_itself = shows_itself and not _HOLDS.match(verb)  # what is in it
        good = not (shows_itself and is_of_another_kind(context, target, side, written))
    # What is no bool may be called so, but for what is returned.
    if good is False and isinstance(value, bool) and not (kind is Kind.CALL and target.marked):
        good = is_true(context, side, value) or (False if target.marked else None)
    if good is False and not target.marked and not isinstance(value, int | float | list | tuple | dict | set):
        good = None
    held = window.possible(side).values if window and _HOLDS.match(verb) else []
    holds_one = any(kind_of(each) in {"list", "tuple", "dict", "set"} for each in held)
    if good is False and (_BEGINS.search(verb) or holds_one):  # a list, and what is in it
        good = None
    yield context.verdict(target, kind, good, f"{side.source} is not {written.source} there")


def _truth(context: Context, match: re.Match[str]) -> Iterator[Check]:
    token = context.tokens(match["subject"])[0]
    word = match["word"] or ("true" if match["holds"] else "false")
    if word.startswith("‹"):
        target = context.tokens(word)[0]
        word = target.sides[-1].source
        if isinstance(token.sides[0].node, ast.BoolOp) and word.lower() not in {"true", "false"}:
            yield from _holds(context, token.sides[0], target, "")  # `a or b` gives the one that counts
            return
    is_name = match["subject"].startswith("‹N") and (not match["word"] or match["word"].startswith("‹"))
    if is_name or word.lower() not in {"true", "false"} or len(token.equations) != 1 or len(token.sides) != 1:
        return  # what a name is, is an assignment
    wanted = (word.lower() == "true") is not bool(match["no"])
    good = is_true(context, token.sides[0], wanted, token)
    if good is False and (_NONE.search(context.mask[: match.end()]) or _is_of_subject(context, match)):
        good = None
    yield context.verdict(token, Kind.CONDITION, good, f"{token.sides[0].source} is not {str(wanted).lower()} there")


def _is_of_subject(context: Context, match: re.Match[str]) -> bool:
    """Whether what is said of "it" is said of what the sentence is about, "`k == 5` is false with `4 == 5`, and it is true"."""
    return any(each["values"] == match["subject"] for each in _WITH_IT.finditer(context.mask))
