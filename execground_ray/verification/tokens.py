"""The values, names, expressions and equations in a sentence, and the words between them.

A sentence becomes a list of tokens and its *mask*: the sentence with each token replaced by its kind and number, so that
rules are patterns of words around them::

    "`total` becomes `5 + 8 = 13`, not 12."  ->  "‹N0› becomes ‹E1›, not ‹V2›."

Kinds: ``V`` a value, ``N`` an expression with names, ``C`` a condition, ``E`` an equation, ``W`` other code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.notation import Side, read

_BOLD = re.compile(
    r"\*\*(?=[^\s*])|(?<=[^\s*])\*\*|(?<![\w*])\*(?=[^\W_])|(?<=[\w.])\*(?![\w*])|(?<!\w)__(?=\w)|(?<=\w)__(?!\w)"
)
_NUMBER = r"(?<![\w.])[-−–]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w]|\.\d)"
_NAME = r"[A-Za-z_]\w*(?:\.\w+|\[[^\[\]\n]{1,40}\])*"
_ATOM = rf"(?:{_NUMBER}|{_NAME})"
_OPERATION = r"\s*(?:=|==|!=|<=|>=|<|>|≤|≥|≠)\s*|\s+(?:[-+*/×÷−–·%^]|//|\*\*)\s+|\s*[+×÷*/]\s*"
_TOKEN = re.compile(
    r"(?P<code>(?P<tick>`+)(?P<inner>(?:(?!(?P=tick))[\s\S])+?)(?P=tick))"
    r"|(?P<math>\$(?P<tex>[^$\n]{1,400})\$)"
    rf"|(?P<expression>[(-]?{_ATOM}\)?(?:(?:{_OPERATION})\(?{_ATOM}\)?)+)"
    r"|(?P<bracket>(?<![\w)\]])[\[({])"
    r"|(?P<quoted>(?<![\w'])'[^'\n]{0,300}'(?![\w'])|\"[^\"\n]{0,300}\"|“[^”\n]{0,300}”)"
    rf"|(?P<number>{_NUMBER})"
    rf"|(?P<name>(?<![\w.]){_NAME})"
)
_WORD_VALUES = {"True", "False", "None"}
# Letters and short words of English: what is meant outside of code marks is not sure.
_ENGLISH = frozenset(
    "a i A I s as at be by do go he if in is it me my no of on or so to up us we an the and for not all any one two end "
    "new old out add sum max min len set list dict str int key value values item items number numbers string count index "
    "left right start stop first last left_over result results total word words char chars letter letters digit digits "
    "current length size node nodes tree root head tail next prev previous text line lines array data input output x".split()
)
MAX_BRACKET = 4_000


@dataclass(frozen=True)
class Token:
    """A stretch of a text that is no plain word."""

    kind: str
    start: int
    end: int
    marked: bool  # set as code or mathematics
    equations: tuple[tuple[Side, ...], ...]
    scare: bool = False  # in double quotes: perhaps only a word that is quoted

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides of its last equation."""
        return self.equations[-1] if self.equations else ()

    @cached_property
    def value(self) -> Any:
        """The value that it gives: of a value itself, of an equation its last side.

        Raises:
            UnknownError: it has none that can be worked out from it alone.
        """
        if not self.sides:
            raise UnknownError
        return self.sides[-1].value


@dataclass(frozen=True)
class Sentence:
    """A stretch of a text with its tokens and mask."""

    start: int
    end: int
    source: str
    mask: str
    tokens: tuple[Token, ...]


def tokenize(text: str, start: int, end: int, names: frozenset[str]) -> Sentence:
    """Read ``text[start:end]``; ``names`` are the program's."""
    source = text[start:end]
    plain = _without_bold(source)
    tokens: list[Token] = []
    mask: list[str] = []
    done = position = 0
    while match := _TOKEN.search(plain, position):
        token = _token(plain, match, names)
        if token is None:
            position = match.end("name") if match.lastgroup == "name" else match.start() + 1
            position = _skip(plain, match, position)
            continue
        tokens.append(
            Token(token.kind, start + token.start, start + token.end, token.marked, token.equations, token.scare)
        )
        mask += [plain[done : token.start], f"‹{token.kind}{len(tokens) - 1}›"]
        done = position = token.end
    mask.append(plain[done:])
    return Sentence(start, end, source, " ".join("".join(mask).split()), tuple(tokens))


def _without_bold(source: str) -> str:
    """Blanks for the marks of bold and italics outside of code, so that places stay."""
    pieces = re.split(r"(`[^`]*`|\$[^$\n]*\$)", source)
    for index in range(0, len(pieces), 2):
        pieces[index] = _BOLD.sub(lambda match: " " * len(match.group()), pieces[index])
    return "".join(pieces)


def _skip(plain: str, match: re.Match[str], position: int) -> int:
    """Behind a match that is no token: past the first word or number of it, so that the rest is looked at again."""
    first = re.compile(r"\w+|\W").match(plain, match.start())
    return max(position, first.end()) if first and match.lastgroup != "name" else position


def _token(plain: str, match: re.Match[str], names: frozenset[str]) -> Token | None:
    group = next(name for name in ("code", "math", "expression", "bracket", "quoted", "number", "name") if match[name])
    start, end = match.span()
    if group == "code":
        return _made(start, end, read(match["inner"]), marked=True)
    if group == "math":
        return _made(start, end, read(match["tex"], mathematics=True), marked=True)
    if group == "expression":
        return _expression(match, names)
    if group == "bracket":
        return _bracket(plain, start)
    if group == "quoted":
        inner = match.group()[1:-1]
        return _made(start, end, read(repr(inner)), marked=False, scare=match.group()[0] in '"“')
    if group == "number":
        return _made(start, end, read(match.group()), marked=False)
    return _name(match, names)


def _made(start: int, end: int, equations: tuple[tuple[Side, ...], ...], *, marked: bool, scare: bool = False) -> Token:
    return Token(_kind(equations), start, end, marked, equations, scare)


def _kind(equations: tuple[tuple[Side, ...], ...]) -> str:
    if not equations:
        return "W"
    if len(equations) > 1 or len(equations[0]) > 1:
        return "E"
    side = equations[0][0]
    if side.is_condition:
        return "C"
    return "V" if side.pure else "N"


def _expression(match: re.Match[str], names: frozenset[str]) -> Token | None:
    """A bare expression: only with the program's names, and numbers."""
    source = match.group()
    words = re.findall(r"(?<![\w.])[A-Za-z_]\w*", source)
    if any(word not in names and word not in _WORD_VALUES for word in words):
        return None
    if source.startswith("-") and not source[1:2].isdigit():
        return None
    equations = read(source)
    return _made(match.start(), match.end(), equations, marked=False) if equations else None


def _bracket(plain: str, start: int) -> Token | None:
    """A list, tuple, set or dictionary outside of code marks."""
    depth = 0
    quote = ""
    for index in range(start, min(len(plain), start + MAX_BRACKET)):
        letter = plain[index]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[({":
            depth += 1
        elif letter in "])}":
            depth -= 1
            if depth == 0:
                return _collection(plain, start, index + 1)
        elif letter == "\n" and plain[index : index + 2] == "\n\n":
            return None
    return None


def _collection(plain: str, start: int, end: int) -> Token | None:
    equations = read(plain[start:end])
    if len(equations) != 1 or len(equations[0]) != 1 or not equations[0][0].is_literal:
        return None
    try:
        value = equations[0][0].value
    except UnknownError:
        return None
    return _made(start, end, equations, marked=False) if isinstance(value, list | tuple | set | dict) else None


def _name(match: re.Match[str], names: frozenset[str]) -> Token | None:
    source = match.group()
    if source in _WORD_VALUES:
        return _made(match.start(), match.end(), read(source), marked=False)
    base = re.match(r"\w+", source)
    if base is None or base[0] not in names:
        return None
    if source in _ENGLISH:
        return None
    return _made(match.start(), match.end(), read(source), marked=False)
