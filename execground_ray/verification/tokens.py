"""The values, names, expressions and equations in a sentence, and the words between them.

A sentence becomes a list of tokens and its *mask*: the sentence with each token replaced by its kind and number, so that
rules are patterns of words around them::

    "`total` becomes `5 + 8 = 13`, not 12."  ->  "‹N0› becomes ‹E1›, not ‹V2›."

Kinds: ``V`` a value, ``N`` an expression with names, ``C`` a condition, ``E`` an equation, ``W`` other code.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.notation import Side, parse, read

_CODE = r"(?P<code>(?P<tick>`+)(?P<inner>(?:(?!(?P=tick))[\s\S])+?)(?P=tick))"
_BOLD = re.compile(
    rf"(?P<kept>{_CODE}|\$[^$\n]*\$)"
    r"|\*\*(?=[^\s*])|(?<=[^\s*])\*\*|(?<![\w*])\*(?=[^\W_])|(?<=[\w.])\*(?![\w*])|(?<!\w)__(?=\w)|(?<=\w)__(?!\w)"
)
_NUMBER = r"(?<![\w.])[-−–]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w]|\.\d)"
_NAME = r"[A-Za-z_]\w*(?:\.\w+|\[[^\[\]\n]{1,40}\])*"
_ATOM = rf"(?:{_NUMBER}|{_NAME})"
_OPERATION = r"\s*(?:=|==|!=|<=|>=|<|>|≤|≥|≠)\s*|\s+(?:[-+*/×÷−–·%^]|//|\*\*)\s+|\s*[+×÷*/]\s*"
_TOKEN = re.compile(
    rf"{_CODE}"
    r"|(?P<math>\$(?P<tex>[^$\n]{1,400})\$)"
    rf"|(?P<expression>[(-]?{_ATOM}\)?(?:(?:{_OPERATION})\(?{_ATOM}\)?)+)"
    r"|(?P<bracket>(?<![\w)\]])[\[({])"
    r"|(?P<quoted>(?<![\w'])'[^'\n]{0,300}'(?![\w'])|\"[^\"\n]{0,300}\"|“[^”\n]{0,300}”)"
    rf"|(?P<number>{_NUMBER})"
    rf"|(?P<name>(?<![\w.]){_NAME})"
)
_WORD_VALUES = frozenset({"True", "False", "None"})
MAX_BRACKET = 4_000
Equations = tuple[tuple[Side, ...], ...]


@dataclass(frozen=True, eq=False)
class Token:
    """A stretch of a text that is no plain word."""

    kind: str
    start: int
    end: int
    marked: bool  # set as code or mathematics
    equations: Equations

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

    def code_of(self, token: Token) -> str:
        """What a token is in the text, without its marks."""
        return self.source[token.start - self.start : token.end - self.start].strip("` ")


def tokenize(text: str, start: int, end: int, names: frozenset[str]) -> Sentence:
    """Read ``text[start:end]``; ``names`` are the program's."""
    source = text[start:end]
    plain = _without_bold(source)
    tokens: list[Token] = []
    mask: list[str] = []
    done = position = 0
    while match := _TOKEN.search(plain, position):
        stop, equations = _read(plain, match, names)
        marked = match.lastgroup in {"code", "math"}
        if not equations and not marked:
            # No token; past its first word or sign, the rest is looked at again.
            position = match.end("name") if match["name"] else re.compile(r"\w+|\W").match(plain, match.start()).end()  # type: ignore[union-attr]
            continue
        kind = _kind(equations)
        mask += [plain[done : match.start()], f"‹{kind}{len(tokens)}›"]
        tokens.append(Token(kind, start + match.start(), start + stop, marked, equations))
        done = position = stop
    mask.append(plain[done:])
    return Sentence(start, end, source, " ".join("".join(mask).split()), tuple(tokens))


def _without_bold(source: str) -> str:
    """Blanks for the marks of bold and italics outside of code, so that places stay."""
    return _BOLD.sub(lambda match: match["kept"] or " " * len(match.group()), source)


def _kind(equations: Equations) -> str:
    if not equations:
        return "W"
    if len(equations) > 1 or len(equations[0]) > 1:
        return "E"
    side = equations[0][0]
    return "C" if side.is_condition else "V" if side.pure and not side.is_call else "N"


def _read(plain: str, match: re.Match[str], names: frozenset[str]) -> tuple[int, Equations]:
    """Where a stretch that may be a token ends, and its equations; none if outside of code it is none."""
    source, end = match.group(), match.end()
    match match.lastgroup:
        case "code":
            return end, read(match["inner"])
        case "math":
            return end, read(match["tex"], mathematics=True)
        case "quoted":
            return end, read(repr(source[1:-1]))
        case "bracket":
            return _collection(plain, match.start())
        case "name":
            # Outside of code a name that can be a word of English is taken for one.
            is_name = re.match(r"\w+", source)[0] in names and not source.isalpha()  # type: ignore[index]
            return end, read(source) if is_name or source in _WORD_VALUES else ()
        case "expression":
            known = set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", source)) <= names | _WORD_VALUES
            return end, read(source) if known and re.match(r"[^-]|-\d", source) else ()
    return end, read(source)


def _collection(plain: str, start: int) -> tuple[int, Equations]:
    """A list, tuple, set or dictionary outside of code marks."""
    for match in re.compile(r"[\])}]").finditer(plain, start, start + MAX_BRACKET):
        source = plain[start : match.end()]
        if all(source.count(opening) == source.count(closing) for opening, closing in ("[]", "()", "{}")):
            side = parse(source)
            if side is not None:
                is_one = side.is_literal and isinstance(side.node, ast.List | ast.Tuple | ast.Set | ast.Dict)
                return match.end(), ((side,),) if is_one else ()
    return start, ()
