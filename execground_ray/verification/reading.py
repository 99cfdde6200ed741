"""How a text is read: typography taken out, every character still in its place, and the borders of sentences.

Comes in: a text as a model writes it, with Markdown, LaTeX and typographic characters. Goes out: a text of the same
length in which expressions look as in Python as far as that goes, so that a position in one is a position in the other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from string import ascii_lowercase, ascii_uppercase

_CHARACTERS = str.maketrans(
    {
        "−": "-",
        "‐": "-",
        "‑": "-",
        "·": "*",
        "×": "*",
        "⋅": "*",
        "∙": "*",
        "÷": "/",
        "“": '"',
        "”": '"',
        "„": '"',
        "‘": "'",
        "’": "'",
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\r": " ",
        "\t": " ",
        "∈": "∈",
        "⟶": "→",
        "⇒": "→",
        "➜": "→",
        "⟹": "→",
        "\\": "\\",
    }
)
_TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_LATEX = {
    "bmod": "%",
    "mod": "%",
    "pmod": "%",
    "%": "%",
    "cdot": "*",
    "times": "*",
    "ast": "*",
    "div": "/",
    "le": "≤",
    "leq": "≤",
    "ge": "≥",
    "geq": "≥",
    "ne": "≠",
    "neq": "≠",
    "lt": "<",
    "gt": ">",
    "to": "→",
    "rightarrow": "→",
    "Rightarrow": "→",
    "implies": "→",
    "ldots": "…",
    "dots": "…",
    "cdots": "…",
    "{": "{",
    "}": "}",
    "_": "_",
    "in": "∈",
    "lfloor": "(",
    "rfloor": ")",
}
_COMMAND = re.compile(r"\\([A-Za-z]+|[%{}_,;!: ()\[\]&#$])")
_WRAPPER = re.compile(
    r"\\(?:text|mathrm|mathtt|texttt|mathbf|textbf|mathit|operatorname|mathbin|mathrel|mathop|mbox|boxed|fbox)\s*\{([^{}\n]*)\}"
)
_POWER = re.compile(r"\^\{([^{}]*)\}")
_ESCAPED_NAME = re.compile(r"['\"]?\w+(?:\\_\w*)+['\"]?")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{(\w+)\}\{(\w+)\}")
_MATHEMATICS = re.compile(
    r"`[^`\n]+`|\$\$?[^$\n]+\$\$?|\\\(.{1,1000}?\\\)|\\\[.{1,1000}?\\\]", re.DOTALL
)  # or code: no formula
# Stars before a word, stars behind one, underscores before a star. What stands before them is looked at last: a pattern
# that begins with the mark itself is searched for five times as fast.
_EMPHASIS = re.compile(
    "|".join(
        [
            rf"{stars}(?<![\w*]{stars})(?=[^\s*])|{stars}(?<=[^\s*]{stars})(?![\w*])"
            for stars in (r"\*\*\*", r"\*\*", r"\*")
        ]
        + [r"__(?<!\w__)(?=\*)|_(?<!\w_)(?=\*)|\*\*(?=:)"]
    )
)
_BULLET = re.compile(r"^[ >]*(?:[-*+•–]|#{1,6}|\(?\d{1,3}[.)](?=\s)|[a-z]\))[ ]+", re.MULTILINE)
_CODE_OR_STRING = re.compile(r"`[^`\n]+`|(?<![\w'])'[^'\n]{0,200}'(?![\w'])|(?<![\w\"])\"[^\"\n]{0,200}\"(?![\w\"])")
_BORDER = re.compile(r"[.!?…][)\"'*_`]*(?=\s)|\n[ ]*\n|\n(?=[ >]*(?:[-*+•|#]|\d{1,3}[.)]\s))|[|](?=.*\n)")
_ABBREVIATION = re.compile(r"(?:e\.g|i\.e|etc|vs|cf|resp|approx|no)\.$", re.IGNORECASE)


def plain(text: str) -> str:
    """``text`` with typography and LaTeX replaced, character by character."""
    text = text.translate(_CHARACTERS)
    if "\\" in text or "$" in text:
        text = _MATHEMATICS.sub(lambda found: found[0] if found[0][0] == "`" else unmath(found[0]), text)
        text = re.sub(r"\\(?=[*_#])", " ", text)
    codes = [(found.start(), found.end()) for found in re.finditer(r"`[^`\n]+`", text)] if "`" in text else []
    if "*" in text:
        text = _outside(_EMPHASIS, text, codes)
    return _outside(_BULLET, text, codes)


def _outside(pattern: re.Pattern[str], text: str, codes: list[tuple[int, int]]) -> str:
    """Blank what ``pattern`` finds, except within code spans."""
    starts = [start for start, _ in codes]

    def blank(found: re.Match[str]) -> str:
        index = bisect_right(starts, found.start()) - 1
        inside = index >= 0 and found.start() < codes[index][1]
        return found.group() if inside else " " * len(found.group())

    return pattern.sub(blank, text)


def unmath(text: str) -> str:
    """LaTeX as Python would write it, in the same number of characters."""
    text = _FRACTION.sub(lambda found: f"({found[1]})/{found[2]} ".rjust(len(found.group())), text)
    text = _ESCAPED_NAME.sub(lambda found: found.group().replace("\\_", "_").ljust(len(found.group())), text)
    for _ in range(3):
        text = _WRAPPER.sub(lambda found: found[1].rjust(len(found.group()) - 1) + " ", text)
    text = _POWER.sub(lambda found: f"^({found[1]})", text)
    text = _COMMAND.sub(lambda found: _LATEX.get(found[1], " ").rjust(len(found.group())), text)
    return text.replace("$", " ")


def lowered(text: str) -> str:
    """``text`` in lower case, every character in its place."""
    return text.lower() if text.isascii() else text.translate(_TO_LOWER)


def occurrences(word: str, text: str) -> Iterator[int]:
    """Where ``word`` stands in ``text``."""
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + 1)


def sentence_borders(text: str) -> list[int]:
    """Where sentences begin in ``text`` as it was written, without the borders that are inside of code or strings."""
    hidden = _CODE_OR_STRING.sub(lambda found: "x" * len(found.group()), text)
    ends = [
        found.end()
        for found in _BORDER.finditer(hidden)
        if not _ABBREVIATION.search(hidden, max(0, found.start() - 6), found.start() + 1)
    ]
    return [0, *ends, len(text)]
