"""What the rules of judgement get and give: a sentence with its window, and checks."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from execground_ray.verification.arithmetic import is_pure
from execground_ray.verification.finding import Kind, Outcome
from execground_ray.verification.notation import Side
from execground_ray.verification.tokens import Sentence, Token
from execground_ray.verification.trees import name_of_call
from execground_ray.verification.values import LASTING
from execground_ray.verification.window import Window

# What would be, what is asked, under what condition, and what is not so: nothing of it can be false.
_UNREAL = re.compile(
    r"\b(?:would|wouldn't|could|couldn't|might|were to|had (?:it|there) been|suppose|assume|assuming|imagine|"
    r"in general|for (?:such|any)|whatever|in other cases|must be|hypothetical\w*|needs? to be|supposed to|ought to)\b"
    # What a word means: "A probability is the number of good outcomes divided by that of all."
    r"|^\W*an? (?:[a-z]+ ){1,2}(?:is|means) (?:the|an?) ",
    re.IGNORECASE,
)
_CONDITIONAL = re.compile(
    r"\b(?:(?<!as )if|unless|whenever|until|as long as|as soon as|whether|in case|only where|when|(?<!at )once(?! more| again)|wherever|(?<!which )means that|stands for|(?<!such )(?:as|like) (?:for|at|with|before)|(?:an?|any|some|the first|the next) \w+ (?:where|for which|such that)|look(?:s|ing)? for|search(?:es|ing)? for|in search of|(?<!,) (?:for|at|in|of) which)\b[^.;:,—]*$",
    re.IGNORECASE,
)
_WHILE = re.compile(r"(?<!, )\bwhile\b[^.;:,—]*$", re.IGNORECASE)
# Of other rounds than those that are cited: "the same string was stored at `c = 3`", "Summing up, both led to a `row = 1`".
_ELSEWHERE = re.compile(
    r"\b(?:same|equal|had|was|were|remember|recall|earlier|already|before|previous\w*|stored|noted|found)\b[^.;:—,]*\b(?:at|for|from|in|with|of) ?$"
    r"|^\W*(?:summing up|in summary|overall|in short|altogether|all in all|in total|so far|to put it together|putting (?:it|this|everything|all) together|taken together|to sum up|in conclusion|as a whole)\b"
    r"|\b(?:same (?:\w+ )?as|like|unlike) ?$",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:not|never|no|none|nothing|without|instead|rather|neither|nor|except|cannot)\b|n't\b|\bthan (?:an? |the )?\s*‹›",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"‹\w+›")
_PART = re.compile(
    r" (?:as ‹|(?:joined|followed|preceded|repeated|combined|concatenated)\b"
    r"|(?!(?:as|is|was|has|this|plus|minus|times|always|does|thus)\b)[a-z]{2,}s\b)"
)
_CLAUSE = re.compile(r"[,;:—–]| and (?=(?:so|it|the|this|that|then|nothing|no)\b)")

_RANGE = re.compile(
    r"‹\w(?P<first>\d+)›(?:,? (?:and so on|up|down|on),?)?(?: (?:to|through|until) | ?(?:…|\.\.\.|–) ?)‹\w(?P<last>\d+)›"
)
_GETS_ANOTHER = re.compile(
    r",? (?:(?:then|now|thus|therefore|so) )?(?:becomes?|turns?|changes?|grows?|drops?|goes|rises?|falls?|shrinks?|increases?|decreases?|gets|(?:is|are) (?:then |now |thus )?(?:\w+ed|set|reset|made|cut) (?:to|by|into|with)\b)"
)
_OF_ANOTHER = re.compile(r"(?: is (?:true|false))? (?:for|at|when|with) (?:both |the \w+ )?‹E")
_OF_ANOTHER_TIME = re.compile(r"\b(?:from|instead of|no longer|was) $|‹E\d+›,? where $")


class Check(NamedTuple):
    """What became of one cited value or claim."""

    kind: Kind
    start: int
    end: int
    outcome: Outcome
    message: str = ""

    @classmethod
    def of(cls, where: Token | Sentence, kind: Kind, message: str, outcome: Outcome = Outcome.CONTRADICTED) -> Check:
        """What became of a token, or of a whole sentence."""
        return cls(kind, where.start, where.end, outcome, message)


def _spoken_of(sides: tuple[Side, ...]) -> set[str]:
    """The object of which more is told: what was said of its name is said of another."""
    node = sides[0].node
    is_told = len(sides) > 1 and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    return {node.value.id} if is_told else set()  # type: ignore[attr-defined]


def _begun(sides: tuple[Side, ...], window: Window | None) -> set[str]:
    """The variables of the functions of the program that are called with values: in another call they are others."""
    names = {
        name_of_call(each) for side in sides if isinstance(each := side.node, ast.Call) and any(map(is_pure, each.args))
    }
    return set().union(*(window.run.functions.get(name, ()) for name in names)) if window else set()


@dataclass(frozen=True)
class Context:
    """A sentence and what it is held against.

    Attributes:
        sentence: Its tokens and words.
        window: The lines that it cites, or the whole run where it cites none; None where there is no evidence.
        whole: The whole run; None likewise.
        cited: It cites its lines itself.
        attributed: It stands in a text with citations.
    """

    sentence: Sentence
    window: Window | None
    whole: Window | None
    cited: bool
    attributed: bool

    @property
    def mask(self) -> str:
        """The sentence with its tokens numbered."""
        return self.sentence.mask

    def tokens(self, mask: str) -> list[Token]:
        """The tokens in a part of the mask."""
        return [self.sentence.tokens[int(number)] for number in re.findall(r"‹\w(\d+)›", mask)]

    def around(self, token: Token) -> tuple[str, str]:
        """The mask before a token and behind it."""
        before, _, behind = self.mask.partition(f"‹{token.kind}{self.sentence.tokens.index(token)}›")
        return before, behind

    @cached_property
    def ranges(self) -> list[tuple[Token, Token]]:
        """What it goes over, the first and the last: ``i = 0`` up to ``i = 4``, ``0`` to ``n - 1``."""
        tokens = self.sentence.tokens
        return [(tokens[int(match["first"])], tokens[int(match["last"])]) for match in _RANGE.finditer(self.mask)]

    def ends_range(self, token: Token) -> bool:
        """Whether it is the last of such: it may lie behind the lines that tell of the first, or be worked out by the text.

        In "`i = 0` – `total = 4`" it is something else.
        """
        firsts = [first for first, last in self.ranges if last is token]
        return any(len(token.sides) < 2 or first.sides[0].key == token.sides[0].key for first in firsts if first.sides)

    @property
    def asks(self) -> bool:
        """Whether it is a question."""
        return self.sentence.source.rstrip(" *_`\n").endswith("?")

    @property
    def is_open(self) -> bool:
        """Whether it asks, or tells what would be."""
        return self.asks or bool(_UNREAL.search(self.mask))

    def given(self, token: Token) -> dict[str, Any]:
        """The values that the sentence has given names before a token; or right behind it, "`p[0] = 1` for `p = (1, 2)`"."""
        place = self.sentence.tokens.index(token)
        before, behind = self.around(token)
        if _OF_ANOTHER_TIME.search(before):
            return {}
        follows = _OF_ANOTHER.match(behind)
        return self._given[place + 2 if follows and place + 2 < len(self._given) else place]

    @cached_property
    def _given(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        known: dict[str, Any] = {}
        used: set[str] = set()
        several: set[str] = set()
        for token in self.sentence.tokens:
            if ";" in _TOKEN.split(self.around(token)[0])[-1]:
                known = {}
            found.append(dict(known))
            for sides in token.equations if token.marked else ():
                for name in _begun(sides, self.window) | _spoken_of(sides):
                    known.pop(name, None)
                used |= {name for side in sides if not isinstance(side.node, ast.Name) for name in side.names}
                if not isinstance(sides[0].node, ast.Name):
                    continue
                if len(sides) == 1 and _GETS_ANOTHER.match(self.around(token)[1]):
                    known.pop(sides[0].node.id, None)
                if len(sides) > 1 and not sides[-1].is_literal:  # a value that has no literal
                    known.pop(sides[0].node.id, None)
                if len(sides) < 2 or not sides[-1].is_literal:
                    continue
                name, value = sides[0].node.id, sides[-1].value
                # Of several values in a row nobody knows which is meant; and a list may have changed since.
                several |= {name} if name in known and name not in used else set()
                if name in several or not isinstance(value, LASTING):
                    known.pop(name, None)
                else:
                    known[name] = value
                used.discard(name)
        found.append(known)  # behind the last
        return found

    def is_part(self, token: Token) -> bool:
        """Whether the words behind a token say that it is only a part: "``'a'`` followed by", "``2`` rows", "``'a'`` as ``3``"."""
        return bool(_PART.match(self.around(token)[1]))

    def enumerates(self, key: str) -> bool:
        """Whether it gives an expression several values."""
        sides = [equation for token in self.sentence.tokens for equation in token.equations if equation[0].key == key]
        return len({equation[-1].key for equation in sides if len(equation) > 1}) > 1

    def is_conditional(self, token: Token) -> bool:
        """Whether the clause that leads to a token is under a condition, or asks."""
        before = self.around(token)[0]
        # "While the rest becomes `n = 160`" is no condition.
        may_repeat = token.kind != "E" or token.sides[0].is_condition
        patterns = (_CONDITIONAL, _ELSEWHERE, _WHILE) if may_repeat else (_CONDITIONAL, _ELSEWHERE)
        return (
            self.asks
            or bool(_UNREAL.search(self._clause(token)))
            or any(pattern.search(before) for pattern in patterns)
        )

    def is_denied(self, token: Token) -> bool:
        """Whether the clause that a token stands in denies something."""
        return bool(_DENIED.search(self._clause(token)))

    def _clause(self, token: Token) -> str:
        """The words of the clause that a token stands in, which is left out of it."""
        before, behind = self.around(token)
        return f"{_CLAUSE.split(before)[-1]}‹›{_CLAUSE.split(behind)[0]}"

    def verdict(self, token: Token, kind: Kind, good: bool | None, message: str) -> Check:
        """A check of a claim that a token ends: true, false, or not known.

        Under a condition nothing is false; nor outside of code marks, where a text that cites sets its values so.
        """
        if good:
            outcome = Outcome.SUPPORTED
        elif (
            good is None
            or self.is_conditional(token)
            or self.is_denied(token)
            or (self.attributed and not token.marked)
        ):
            outcome = Outcome.UNKNOWN
        else:
            outcome = Outcome.CONTRADICTED
        return Check.of(token, kind, message, outcome)
