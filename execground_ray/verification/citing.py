"""Finds what a text cites: literals, names of the program, and expressions made of them.

Comes in: ``plain`` text and the program's identifiers. Goes out: ``Operand`` after ``Operand``, in order, each with its
span and its syntax tree. What stands between two of them says how they are related; ``claims`` reads that.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import lru_cache

from execground_ray.verification.allowed import BUILTINS
from execground_ray.verification.parsed import Parsed, parse_expression

_TOKEN = re.compile(
    r"""
    (?P<name>[^\W\d]\w*)
  | (?P<code>`[^`\n]+`)
  | (?P<string>(?<![\w'])'(?:[^'\\\n]|\\.)*'(?![\w'])|(?<![\w"])"(?:[^"\\\n]|\\.)*"(?![\w"]))
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<operator><<|>>|\*\*|//|[-+*/%^&])
  | (?P<relation><=|>=|==|!=|->|=>|[≤≥≠=<>→∈])
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<dots>…|\.\.\.)
  | (?P<mark>[,.:;!?|\n])
    """,
    re.VERBOSE,
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_CONSTANTS = {"True": True, "False": False, "None": None, "true": True, "false": False, "null": None}
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = {
    word: 10 * value for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
NUMBER_WORDS = {word: value for value, word in enumerate(_ONES)} | _TENS
NUMBER_WORDS |= {f"{ten}-{one}": tens + NUMBER_WORDS[one] for ten, tens in _TENS.items() for one in _ONES[1:10]}
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b")
_ATOMIC = frozenset((ast.Name, ast.Constant, ast.Call, ast.Subscript, ast.Attribute))
_ASSIGNED = re.compile(r"\s*([^\W\d][\w.]*(?:\[[^=\]]*\])*)\s*=\s*([^=].*?)\s*")
_CLASS = re.compile(r"<class '[\w.]+'>")
_EMPTY_KINDS = frozenset(("mark", "close", "relation", "dots"))


@dataclass(slots=True)
class Operand:
    """An expression that the text cites.

    ``code``: set as code; ``word``: a number in words; ``weak``: a word that happens to be an identifier too;
    ``torn``: part of something larger that was not understood.
    """

    start: int
    end: int
    node: ast.expr
    code: bool = False
    word: bool = False
    weak: bool = False
    torn: bool = False
    names: frozenset[str] = field(default_factory=frozenset)
    literal: bool = False  # a single value: a number, a string, a list of values

    @property
    def closed(self) -> bool:
        """Whether the expression has a value of its own, without the names of the program."""
        return not self.names


def _as_python(source: str) -> str:
    """The inside of a code span without the signs that only people write."""
    if "<" in source:
        source = _CLASS.sub("None", source)
    return source.replace("…", "...").replace("≤", "<=").replace("≥", ">=").replace("≠", "!=")


@lru_cache(maxsize=4_096)
def _read_code(span: str) -> tuple[str, tuple[tuple[int, int, Parsed], ...]]:
    """What a code span is as a whole: its source, if it is an expression, and its operands with their places."""
    assigned = _ASSIGNED.fullmatch(span, 1, len(span) - 1) if "=" in span else None
    if assigned:
        return "", _assigned(assigned)
    content = _as_python(span.strip("`")).strip()
    parsed = parse_expression(content)
    if parsed is None:
        return "", ()
    return content if type(parsed[0]) in _ATOMIC else f"(\n{content}\n)", ((0, len(span), parsed),)


def _assigned(assigned: re.Match[str]) -> tuple[tuple[int, int, Parsed], ...]:
    """The two sides of ``name = value``, the commonest thing in code spans that is no expression."""
    sides = []
    for side in (1, 2):
        source = _CLASS.sub("None", assigned[side]) if "<" in assigned[side] else assigned[side]
        parsed = parse_expression(source.replace("…", "...").replace("^", "**"))
        if parsed is None:
            return ()
        sides.append((*assigned.span(side), parsed))
    return tuple(sides)


class Reader:
    """Finds the operands of one text."""

    def __init__(self, text: str, identifiers: frozenset[str], code: bool = False) -> None:
        self.text = text
        self.identifiers = identifiers
        self.code = code  # the text is the inside of a code span: | is an operator, not the border of a cell
        self.tokens = list(_TOKEN.finditer(text))  # the name of its last group is the kind of a token

    def operands(self) -> list[Operand]:
        """All operands, in the order of the text; none inside another."""
        found: list[Operand] = []
        index = 0
        while index < len(self.tokens):
            token = self.tokens[index]
            if token.lastgroup == "code" and not self._within_operation(index):
                found += self._code(token)
                index += 1
                continue
            result = None if self._idle(token) else self._expression(index)
            if result is None:
                index += 1
                continue
            index, operands = result
            found.extend(operands)
        return found

    def _within_operation(self, index: int) -> bool:
        """Whether an operator stands beside a token."""
        before = index > 0 and self.tokens[index - 1].lastgroup == "operator"
        return before or (index + 1 < len(self.tokens) and self._operator(index + 1) != "")

    def _idle(self, token: re.Match[str]) -> bool:
        """A word of the language or a mark: what most tokens are."""
        if token.lastgroup != "name":
            return token.lastgroup in _EMPTY_KINDS
        word = token[0]
        if word in self.identifiers or word in _CONSTANTS or word.lower() in NUMBER_WORDS:
            return False
        return not self.code and self.text[token.end() : token.end() + 1] not in ("(", "[", ".")

    def _expression(self, index: int) -> tuple[int, list[Operand]] | None:
        """An operand that begins at token ``index``: primaries joined by operators."""
        first = index
        torn = index > 0 and self._joined(index - 1, index) and self.tokens[index - 1].lastgroup == "operator"
        parts: list[str] = []
        if self.tokens[index].lastgroup == "operator" and self.tokens[index][0] in "-+" and self._unary(index):
            parts.append(self.tokens[index][0])
            index += 1
        primary = self._primary(index)
        if primary is None:
            return None
        index, source, code, weak = primary
        if isinstance(source, list):
            return index, source
        parts.append(source)
        while index < len(self.tokens) and self._operator(index):
            signed = self.tokens[index + 1][0] == "-" if index + 1 < len(self.tokens) else False
            following = self._primary(index + 2 if signed and self._unary(index + 1) else index + 1)
            if following is None or isinstance(following[1], list):
                torn = torn or self.tokens[index][0] not in "-*"
                break
            parts += [" ", self._operator(index), " -" if signed else " ", following[1]]
            index, weak, code = following[0], weak and following[3], code and following[2]
        source = "".join(parts)
        # What ``_code`` has put into brackets is the same without them, and was parsed already.
        parsed = parse_expression(source[2:-2] if len(parts) == 1 and source.startswith("(\n") else source)
        if parsed is None:
            return None
        start, end = self.tokens[first].start(), self.tokens[index - 1].end()
        word = (
            not parsed[1] and self.tokens[first].lastgroup == "name" and self.tokens[first][0].lower() in NUMBER_WORDS
        )
        return index, [Operand(start, end, parsed[0], code, word, weak, torn, parsed[1], parsed[2])]

    def _operator(self, index: int) -> str:
        token = self.tokens[index]
        if token.lastgroup == "operator":
            return "**" if token[0] == "^" and not self.code else token[0]
        if token[0] == "|" and self.code:
            return "|"
        return "%" if token.lastgroup == "name" and token[0] in ("mod", "modulo") else ""

    def _joined(self, left: int, right: int) -> bool:
        return self.tokens[right].start() - self.tokens[left].end() <= 1

    def _unary(self, index: int) -> bool:
        """A sign, not a dash: the value follows at once, and no value stands before."""
        if index + 1 >= len(self.tokens) or self.tokens[index + 1].start() != self.tokens[index].end():
            return False
        if index == 0:
            return True
        before = self.tokens[index - 1]
        return before.end() < self.tokens[index].start() or before.lastgroup in ("open", "relation", "operator", "mark")

    def _primary(self, index: int) -> tuple[int, str | list[Operand], bool, bool] | None:
        """One value or name at token ``index``: (next token, source, set as code, weak)."""
        if index >= len(self.tokens):
            return None
        token = self.tokens[index]
        if token.lastgroup == "code":
            source = _read_code(token[0])[0]
            return index + 1, source or self._code(token), True, False
        if token.lastgroup == "string":
            end, following = self._trailers(index, "")
            source = self.text[token.start() : end]
            return (following, source, False, False) if parse_expression(source) else None
        if token.lastgroup == "number":
            return self._number(index)
        if token.lastgroup == "name":
            return self._name(index)
        if token.lastgroup == "open":
            return self._bracket(index)
        return None

    def _code(self, token: re.Match[str]) -> list[Operand]:
        """The operands in a code span: one that is all of it, two around an equals sign, or those of a text."""
        found = [
            Operand(token.start() + start, token.start() + end, parsed[0], True, names=parsed[1], literal=parsed[2])
            for start, end, parsed in _read_code(token[0])[1]
        ]
        if not found:
            found = Reader(token[0][1:-1], self.identifiers, code=True).operands()
            for operand in found:
                operand.start += token.start() + 1
                operand.end += token.start() + 1
                operand.code, operand.weak = True, False
        return found

    def _number(self, index: int) -> tuple[int, str, bool, bool] | None:
        token = self.tokens[index]
        digits, index = token[0], index + 1
        while (  # 1,234,567
            index + 1 < len(self.tokens)
            and len(digits.replace("_", "")) < 20
            and (len(token[0]) <= 3 or "_" in digits)
            and self.tokens[index][0] == ","
            and self.tokens[index].start() == self.tokens[index - 1].end()
            and self.tokens[index + 1].lastgroup == "number"
            and self.tokens[index + 1].start() == self.tokens[index].end()
            and len(self.tokens[index + 1][0].partition(".")[0]) == 3
        ):
            digits += "_" + self.tokens[index + 1][0]
            index += 2
        whole, point, decimals = digits.partition(".")
        if not point and len(whole) > 1 and "e" not in whole.lower():
            whole = whole.lstrip("0_") or "0"
        return index, whole + point + decimals, False, False

    def _name(self, index: int) -> tuple[int, str, bool, bool] | None:
        token = self.tokens[index]
        word = token[0].lower()
        if token[0] in _CONSTANTS:
            return index + 1, str(_CONSTANTS[token[0]]), False, False
        if word in NUMBER_WORDS and not self.code and token[0] not in self.identifiers:
            return self._word(index)
        end, following = self._trailers(index, "([")
        if following > index + 1:
            source = self.text[token.start() : end].replace("…", "...")
            return (following, source, False, False) if parse_expression(source) else None
        if not self.code and (token[0] not in self.identifiers or token[0] in BUILTINS):
            return None  # a word: "is set to" is not about a set
        if len(token[0]) == 1 and not self._beside_relation(index):
            return None
        return index + 1, token[0], False, True

    def _trailers(self, index: int, brackets: str) -> tuple[int, int]:
        """Where the calls, subscripts and attributes end that follow token ``index`` without a space."""
        end, following = self.tokens[index].end(), index + 1
        while following < len(self.tokens) and self.tokens[following].start() == end:
            token = self.tokens[following]
            if token.lastgroup == "open" and token[0] in brackets:
                close = self._closing(following)
                if close is None:
                    break
                end, following = self.tokens[close].end(), close + 1
            elif token[0] == "." and self._attribute(following):
                end, following, brackets = self.tokens[following + 1].end(), following + 2, "(["
            else:
                break
        return end, following

    def _word(self, index: int) -> tuple[int, str, bool, bool]:
        word = self.tokens[index][0].lower()
        if (
            index + 2 < len(self.tokens)
            and self.tokens[index + 1][0] == "-"
            and self.tokens[index + 2].end() - self.tokens[index].start()
            == len(word) + 1 + len(self.tokens[index + 2][0])
        ):
            whole = f"{word}-{self.tokens[index + 2][0].lower()}"
            if whole in NUMBER_WORDS:
                return index + 3, str(NUMBER_WORDS[whole]), False, False
        return index + 1, str(NUMBER_WORDS[word]), False, False

    def _attribute(self, index: int) -> bool:
        following = index + 1
        return (
            following < len(self.tokens)
            and self.tokens[following].lastgroup == "name"
            and self.tokens[following].start() == self.tokens[index].end()
        )

    def _beside_relation(self, index: int) -> bool:
        before = self.tokens[index - 1].lastgroup if index else ""
        after = self.tokens[index + 1].lastgroup if index + 1 < len(self.tokens) else ""
        return "relation" in (before, after) or "operator" in (before, after)

    def _closing(self, index: int) -> int | None:
        wanted: list[str] = []
        for place in range(index, min(index + 600, len(self.tokens))):
            token = self.tokens[place]
            if token.lastgroup == "open":
                wanted.append(_PAIRS[token[0]])
            elif token.lastgroup == "close":
                if token[0] != wanted.pop():
                    return None
                if not wanted:
                    return place
        return None

    def _bracket(self, index: int) -> tuple[int, str, bool, bool] | None:
        close = self._closing(index)
        if close is None:
            return None
        source = self.text[self.tokens[index].start() : self.tokens[close].end()].replace("…", "...")
        source = source.replace("\n", " ").replace("^", "**")
        parsed = parse_expression(source)
        if parsed is None:
            return None
        if self.tokens[index][0] == "(" and not isinstance(parsed[0], ast.Tuple | ast.BinOp):
            return None
        if self.tokens[index][0] == "(" and not {name.lstrip(".") for name in parsed[1]} <= self.identifiers:
            return None
        end, following = self._trailers(close, "")
        longer = source + self.text[self.tokens[close].end() : end]
        if following > close + 1 and parse_expression(longer):
            return following, longer, False, False
        return close + 1, source, False, False
