"""What a text claims about the values it cites, read from the words and signs between them.

Comes in: ``plain`` text, its sentences and its operands. Goes out: a list of ``Claim``: that two expressions are equal,
or that a condition came out true or false. Everything here is about language; ``checks`` holds it against the run.
"""

from __future__ import annotations

import ast
import itertools
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from typing import Any

from execground_ray.verification.citing import Operand

_FILLER = (
    r"(?:the|an?|its|just|only|exactly|also|still|now|again|therefore|thus|then|hence|simply|once more|already|so|"
    r"currently|initially|always|indeed|in turn|finally|both|actually|immediately|directly|"
    r"(?:new|final|current|initial|updated|resulting|full|single|empty|boolean|whole|integer|sorted)|"
    r"(?:value|list|string|integer|int|number|character|char|set|tuple|dictionary|dict|float|boolean|result|digit|"
    r"letter|key|index|array|pair|word)s?)"
)
_VERB = (
    r"(?:is|are|was|were|becomes?|became|equals?|is equal to|remains?|stays?(?: at)?|starts?(?: out)?(?: at| as| with)?|"
    r"begins?(?: at| as| with)?|holds?|contains?|gives?|giving|yields?|yielding|returns?|returning|produces?|producing|"
    r"evaluates? to|evaluating to|"
    r"(?:is |are |was |gets? |being )?(?:now )?(?:set|reset|updated|initiali[sz]ed|increased|decreased|incremented|"
    r"decremented|changed|reduced|raised|computed|evaluated|calculated|assigned|bound)(?: back)?(?: to| as| at)|"
    r"(?:grows?|grown|increases?|rises?|drops?|falls?|goes|moves?|changes?|turns?|comes?|shrinks?|decreases?)(?: up| down| back)? (?:to|into|at)|"
    r"takes(?: on)? the value(?: of)?|comes out (?:as|at)|works out (?:to|as)|turns out to be|ends up(?: as| at| being)?|has(?: the)? value|has become|"
    r"will be|to be|be|being|which is|that is|i\.e\.|namely|resulting in|results in|leaves|leads to|makes)"
)
_BECOMES = re.compile(
    r"\b(?:becom|became|grow|increas|ris|drop|fall|goes|move|chang|turn|updat|incremented|decremented|set|reset)|→"
)
_EQUAL = re.compile(
    rf"^[\s,]*(?:{_FILLER}\s+)*(?:(?:{_VERB})(?![\w])|→|:(?=\s))\s*(?:{_FILLER}\s+)*:?\s*$", re.IGNORECASE
)
_SIGN = re.compile(r"^\s*(<=|>=|==|!=|≤|≥|≠|=|<|>|→|->|∈)\s*$")
_ELLIPSIS = re.compile(r"^\s*to\s*$")  # "`a` is set to 1 and `b` to 2"
_SET_TO = re.compile(r"\b(?:set|reset|initiali[sz]ed|changed) to\b")
_SIGN_NEXT = re.compile(r"^[\s`*]*(?:=|→|->|:=|[-+*/%]=)")
_AND = re.compile(r"^[`\s]*(?:,|,?\s*(?:and|or))[`\s]*$")
# Behind a value that begins a statement of its own, and is none more of the name before it.
_OWN_WORDS = re.compile(r"[`\s]*(?:for|is|are|was|were|in|has|gives|becomes|comes|goes|returns)\b")
_SIGNS: dict[str, type[ast.cmpop]] = {
    "<=": ast.LtE, "≤": ast.LtE, ">=": ast.GtE, "≥": ast.GtE, "==": ast.Eq, "!=": ast.NotEq, "≠": ast.NotEq,
    "<": ast.Lt, ">": ast.Gt, "∈": ast.In,
}  # fmt: skip
_EQ = ast.Eq()
_IS = r"^\s*,?\s*(?:which |that |and )?(?:is|are|was|being)?\s*(?:(?:still|already|also|now|indeed|again|therefore|even|clearly|strictly|certainly|then|just)\s+)*"
_PHRASES: list[tuple[re.Pattern[str], type[Any], bool]] = [  # the operator or comparison that the words are
    (re.compile(_IS + words + r"\s*(?:the (?:value|length|limit|index|bound)(?: of)?\s*)?$", re.IGNORECASE), kind, truth)
    for words, kind, truth in (
        (r"(?:less|smaller|lower|shorter) than|^\s*,?\s*is below", ast.Lt, True),
        (r"(?:not|no longer|never) (?:less|smaller|lower|below) ?(?:than)?", ast.Lt, False),
        (r"(?:greater|larger|bigger|higher|more|longer) than|^\s*(?:is above|exceeds|goes beyond)", ast.Gt, True),
        (r"(?:not|no longer|never) (?:greater|larger|bigger|higher|more|above) ?(?:than)?|^\s*does not exceed", ast.Gt, False),
        (r"(?:greater|larger|bigger) than or equal to|at least", ast.GtE, True),
        (r"(?:not|no longer) (?:greater|larger|bigger) than or equal to", ast.GtE, False),
        (r"(?:less|smaller) than or equal to|at most", ast.LtE, True),
        (r"(?:not|no longer) (?:less|smaller) than or equal to", ast.LtE, False),
        (r"(?:not|no longer) (?:equal to|the same as)|different from|^\s*(?:differs from|does not (?:equal|match)|doesn't (?:equal|match))", ast.Eq, False),
        (r"(?:the same as|identical to)|^\s*(?:matches|also equals)", ast.Eq, True),
        (r"(?:contained |present |found )?in", ast.In, True),
        (r"not (?:contained |present |found )?in", ast.In, False),
        (r"(?:divisible by|a multiple of)", ast.Mod, True),
        (r"(?:not divisible by|not a multiple of)", ast.Mod, False),
    )
]  # fmt: skip
_PHRASE_HINT = re.compile(
    r"than|at least|at most|equal|same|identical|differ|match|exceed|beyond|below|above|\bin\b|divis|multiple"
)
_TRUE = r"(?:true|satisfied|met|fulfilled|holds?|passes|passed|succeeds?|succeeded|correct|the case|triggered|taken)"
_FALSE = r"(?:false|fails?|failed|violated|untrue)"
_OUTCOME = re.compile(
    rf"^[\s,)*:]*(?:(?:which|this|that|it|so|and|the (?:condition|test|check|comparison|guard))\s+)*"
    rf"(?P<verb>is|are|was|evaluates?(?: to)?|evaluated to|gives|returns|yields|comes out|turns out(?: to be)?|→|=|:|does|has|—)?\s*"
    rf"(?:(?:also|still|now|again|therefore|clearly|indeed|already|immediately|directly|thus|then|always|here)\s+)*"
    rf"(?P<not>not |n't |never |no longer )?(?:(?:as|to be|be)\s+)?(?P<word>{_TRUE}|{_FALSE})\b(?!\s*[=!<>])",
    re.IGNORECASE,
)
_THE_SAME = re.compile(r"^\s*\(\s*$|^\s*,?\s*(?:i\.e\.|that is|is|—|:|meaning|or|so|becomes|means)?\s*,?\s*\(?$")
_HYPOTHESIS = re.compile(
    r"\b(?:if|when|whether|until|unless|while|as long as|once|every|each|any|whenever|would|should|must|might|could|can|"
    r"tests?|tested|testing|checks?|checked|checking|condition|asks?|question|compares?|compared|comparison|only|"
    r"expects?|needs?|wants?|requires?|loop|before|provided|suppose|otherwise|except|rather|instead|for which|where|"
    r"not|never|no|or|for all|such that|up to|reach(?:es)?|exceeds?|asking|looks? for|searche?s?|guards?)\b",
    re.IGNORECASE,
)
_CONDITIONAL = re.compile(r"\b(?:if|when|whenever|unless|until|whether|while|would|as long as|once)\b", re.IGNORECASE)
_MAX_GAP = 60  # characters between two operands that belong together
_OF_SOMETHING = re.compile(
    r"(?:\b(?:of|in|between|from|with|at|by|to|for|than|on|into|after|plus|minus|times|next|working out)|\b(?!be)\w+ing|[-+*/%])$"
)
_QUANTITY = re.compile(
    r"\b(?:sum|product|difference|length|number|between|quotient|size|type|both|remainder|maximum|minimum|max|min|"
    r"characters?|elements?)\b"
)
_BECAUSE = re.compile(r"(?:since|because|as|given that|so|and|but|now|here|indeed|again)\W*$", re.IGNORECASE)
_NEGATIVE = re.compile(
    r"\b(?:not|false|fails?|failed|n't|no|never|nor|neither|unless|whether|if|until|skip\w*|stops?|ends?|otherwise|"
    r"violat\w+|cannot|isn't|doesn't|when|while|wrong|reject\w*)\b|✗|✘|×$|❌",
    re.IGNORECASE,
)
_CITED = re.compile(r"`[^`\n]*`|(?<![\w'])'[^'\n]{0,100}'(?![\w'])|(?<![\w\"])\"[^\"\n]{0,100}\"(?![\w\"])")
_CLAUSE = re.compile(r"[,.;:(\n]|\b(?:and|so|because|since|but|thus)\b")
_COMPLETE = re.compile(
    r"^[`\"'*_)\]}]*(?:\s*$|\s*[.,;:!?|\n)\]]|\s*→|\s+(?:and|so|which|because|since|while|but|then|as|again|now|after|before|"
    r"at|for|in|when|where|with|once|on|by|too|here|instead|right|—|–|-|\(|if|is|are|to|from|also|thus|therefore|this|"
    r"that|we|it|the|immediately|directly|until|through|without|via|into|rather)(?!\w))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Relation:
    """What stands between two operands."""

    sign: str = ""
    phrase: tuple[type[Any], bool] | None = None
    ellipsis: bool = False
    equal: bool = False
    becomes: bool = False


@lru_cache(maxsize=2_048)
def _relation(gap: str) -> _Relation:
    """What the words or the sign between two operands say, whatever these are."""
    gap = gap.replace("`", " ").replace("*", " ")
    sign = _SIGN.match(gap)
    if sign:
        return _Relation(sign[1])
    if _PHRASE_HINT.search(gap):
        for phrase, kind, truth in _PHRASES:
            if phrase.match(gap):
                return _Relation(phrase=(kind, truth), equal=bool(_EQUAL.match(gap)))
    equal = bool(_EQUAL.match(gap))
    return _Relation(ellipsis=bool(_ELLIPSIS.match(gap)), equal=equal, becomes=equal and bool(_BECOMES.search(gap)))


@dataclass(slots=True)
class Claim:
    """One statement that can be true or false.

    ``node`` is a condition, a comparison with ``==`` for a statement of a value, and ``truth`` the outcome claimed.
    ``becomes`` marks a change that the text places at this point of its story; ``stated`` is false where the text only
    asks or supposes.
    """

    start: int
    end: int
    node: ast.expr
    truth: bool
    parts: tuple[Operand, ...]
    sign: str
    becomes: bool = False
    stated: bool = True
    explicit: bool = False  # set as code, or with its outcome in words

    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        first, *others = self.parts
        self.names = first.names.union(*(part.names for part in others)) if others else first.names


start_of = attrgetter("start")  # of a claim, to sort claims and to look one up


def find_claims(text: str, borders: list[int], operands: list[Operand]) -> list[Claim]:
    """All claims in ``plain`` text, in order."""
    claims: list[Claim] = []
    # The words alone: an "or" in a string supposes nothing.
    words = _CITED.sub(lambda found: "x" * len(found.group()), text)
    clauses = [found.end() for found in _CLAUSE.finditer(words)]
    place = 0
    for first, last in itertools.pairwise(borders):
        begin = place
        while place < len(operands) and operands[place].start < last:
            place += 1
        if place > begin:
            claims += _Sentence(text, words, clauses, first, last, operands[begin:place]).claims()
    return claims


class _Sentence:
    def __init__(
        self, text: str, words: str, clauses: list[int], first: int, last: int, operands: list[Operand]
    ) -> None:
        self.text = text
        self.words = words  # the text with an x for every character of code and strings
        self.clauses = clauses  # where they begin
        self.first = first
        self.last = last
        self.operands = operands

    def claims(self) -> list[Claim]:
        found: list[Claim] = []
        for index, operand in enumerate(self.operands):
            more = self._one_more(found, operand)
            if more is not None:
                found.append(more)
                continue
            if _condition(operand.node):
                found.append(self._condition(operand.node, (operand,), "?"))
            if index:
                claim = self._between(self.operands[index - 1], operand) or self._through(index)
                if claim is not None:
                    found.append(claim)
        self._inherit(found)
        return found

    def _between(self, left: Operand, right: Operand) -> Claim | None:  # noqa: C901, PLR0911, PLR0912  (one case after another)
        if right.start - left.end > _MAX_GAP or left.torn or right.torn:
            return None
        gap = self.text[left.end : right.start]
        relation = _relation(gap)
        sign = relation.sign
        if sign in ("=", "→", "->"):
            if (sign != "=" and not self._name(left)) or self._updates(left, right):
                return None
            return self._equal(left, right, sign, sign != "=")
        if sign:
            node = ast.Compare(left.node, [_SIGNS[sign]()], [right.node])
            return self._condition(node, (left, right), sign)
        if relation.phrase:
            return self._phrase(left, right, *relation.phrase)
        if relation.ellipsis and left.code and right.code and isinstance(left.node, ast.Name | ast.Attribute):
            if _SET_TO.search(self.text[self.first : left.start]):
                return self._equal(left, right, "verb", True)
        if not relation.equal or (left.weak and not right.literal) or not self._subject(left):
            return None
        if (":" in gap or not right.code) and not right.literal and not right.closed:
            return None
        if self._updates(left, right) or _condition(right.node):
            return None
        if isinstance(right.node, ast.Constant) and isinstance(right.node.value, bool) and not right.code:
            stated = not self._supposed(left.start)
            return Claim(left.start, right.end, left.node, right.node.value, (left,), "?", False, stated, explicit=True)
        if not _SIGN_NEXT.match(self.text[right.end : self.last]):
            if right.code or _COMPLETE.match(self.text[right.end : self.last]):
                return self._equal(left, right, "verb", relation.becomes)
        return None

    def _one_more(self, found: list[Claim], operand: Operand) -> Claim | None:
        """In "``i = 0``, ``1`` and ``2``" all three are values of ``i``."""
        if not found or found[-1].sign != "=" or not operand.literal or not operand.code:
            return None
        name, value = found[-1].parts
        gap = self.text[found[-1].end : operand.start]
        if not isinstance(name.node, ast.Name) or not value.literal or not _AND.match(gap):
            return None
        if _OWN_WORDS.match(self.text, operand.end, self.last):
            return None
        claim = self._equal(name, operand, "=", False)
        claim.start, claim.stated = operand.start, found[-1].stated
        return claim

    def _through(self, index: int) -> Claim | None:
        """In "``f(3)`` gives ``x = 4``" and "``x`` becomes ``3 + 1 = 4``" the value belongs to the first, too."""
        if index + 1 >= len(self.operands):
            return None
        left, middle, right = self.operands[index - 1 : index + 2]
        if self.text[middle.end : right.start].strip() != "=" or not right.closed or left.weak:
            return None
        gap = self.text[left.end : middle.start]
        if len(gap) > _MAX_GAP or ":" in gap or not _relation(gap).equal:
            return None
        named = isinstance(left.node, ast.Name | ast.Attribute | ast.Subscript)
        if (
            named is isinstance(middle.node, ast.Name)
            or left.literal
            or _condition(left.node)
            or not self._subject(left)
        ):
            return None
        return self._equal(left, right, "verb", named and _relation(gap).becomes)

    @staticmethod
    def _updates(left: Operand, right: Operand) -> bool:
        """``x = x + 1`` and the like: a step of the program, true of no single moment."""
        return bool(left.names) and left.names <= right.names

    @staticmethod
    def _name(operand: Operand) -> bool:
        return isinstance(operand.node, ast.Name | ast.Attribute | ast.Subscript) and not operand.weak

    def _subject(self, left: Operand) -> bool:
        """Whether the words before a verb are about ``left`` alone: "the sum of a and b is 7" is not about b."""
        if left.word or isinstance(left.node, ast.Constant) or _condition(left.node):
            return False
        before = self._before(left)
        return not _OF_SOMETHING.search(before[-30:]) and not _QUANTITY.search(before)

    def _equal(self, left: Operand, right: Operand, sign: str, becomes: bool) -> Claim:
        node = ast.Compare(left.node, [_EQ], [right.node])
        computed = sign == "=" and left.closed and right.closed  # what it is does not depend on the words around it
        stated = computed or not self._supposed(left.start)
        return Claim(left.start, right.end, node, True, (left, right), sign, becomes, stated)

    def _phrase(self, left: Operand, right: Operand, kind: type, truth: bool) -> Claim:
        if kind is ast.Mod:
            rest = ast.BinOp(left=left.node, op=ast.Mod(), right=right.node)
            node = ast.Compare(left=rest, ops=[ast.Eq()], comparators=[ast.Constant(0)])
        else:
            node = ast.Compare(left=left.node, ops=[kind()], comparators=[right.node])
        stated = not self._supposed(left.start) and not left.torn and self._subject_of_phrase(left)
        outcome = _OUTCOME.match(self.text[right.end : self.last].replace("`", " "))
        if outcome and outcome["verb"]:
            return self._condition(node, (left, right), "phrase")
        if not _COMPLETE.match(self.text[right.end : self.last]) and not right.code:
            stated = False
        return Claim(left.start, right.end, node, truth, (left, right), "phrase", False, stated)

    def _subject_of_phrase(self, left: Operand) -> bool:
        before = self._before(left)
        return not re.search(r"(?:\bof|\bbetween|[-+*/%])$|\b(?:sum|product|difference|length|number)\b", before)

    def _before(self, operand: Operand) -> str:
        """The words of the same clause before ``operand``."""
        before = self.text[self.first : operand.start].rstrip("` *").lower()
        return before[max(map(before.rfind, ",.;:")) + 1 :]

    def _condition(self, node: ast.expr, parts: tuple[Operand, ...], sign: str) -> Claim:
        start, end = parts[0].start, parts[-1].end
        behind = self.text[end : self.last].replace("`", " ")
        outcome = _OUTCOME.match(behind)
        if outcome and self._opens_code(end + outcome.start("word"), end + outcome.end("word")):
            outcome = None
        claim = Claim(start, end, node, True, parts, sign, stated=False, explicit=parts[0].code)
        if outcome and (outcome["verb"] or outcome["word"].lower() not in ("taken", "met")):
            truth = not re.match(_FALSE, outcome["word"], re.IGNORECASE)
            claim.truth = truth is not bool(outcome["not"])
            claim.explicit = True
            claim.end = end + outcome.end()
            claim.stated = not self._supposed(start, _CONDITIONAL)
        elif not any(part.names for part in parts) and sign not in ("==",):
            claim.stated = not _NEGATIVE.search(self.words, self.first, self.last)
        elif _BECAUSE.search(self.text[self.first : start]) and not self._supposed(start):
            claim.stated = bool(re.search(r"(?:since|because)\W*$", self.text[self.first : start], re.IGNORECASE))
        return claim

    def _opens_code(self, start: int, end: int) -> bool:
        """Whether a word is only the beginning of what is set as code: "is `True and False`"."""
        return self.text[start - 1 : start] == "`" and self.text[end : end + 1] != "`"

    def _supposed(self, start: int, pattern: re.Pattern[str] = _HYPOTHESIS) -> bool:
        place = bisect_right(self.clauses, start)
        begin = max(self.first, self.clauses[place - 1]) if place else self.first
        return bool(pattern.search(self.words, begin, start))

    def _inherit(self, claims: list[Claim]) -> None:
        """In "``a < b`` (3 < 2) is false" one outcome is about both, in either order."""
        conditions = [claim for claim in claims if claim.sign != "verb" and claim.sign not in ("=", "→", "->")]
        for left, right in itertools.pairwise(conditions):
            gap = self.text[left.end : right.start].replace("`", " ")
            if not _THE_SAME.match(gap):
                continue
            if right.stated and not left.stated and not self._supposed(left.start):
                left.truth, left.stated = right.truth, True
            elif left.stated and not right.stated:
                right.truth, right.stated = left.truth, True
            elif (
                left.stated
                and right.stated
                and right.sign != "?"
                and not _OUTCOME.match(self.text[right.parts[-1].end : self.last])
            ):
                right.truth = left.truth


def _condition(node: ast.expr) -> bool:
    kind = type(node)
    return kind is ast.Compare or kind is ast.BoolOp or (isinstance(node, ast.UnaryOp) and type(node.op) is ast.Not)
