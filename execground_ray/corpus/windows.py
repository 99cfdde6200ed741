r"""Code or text goes in, the hashes of its windows of so many tokens come out: what copies have in common.

Of code everything goes that a copyist changes without changing the program: comments, docstrings, the layout, the
contents of strings, and parentheses but those of calls. Names too, but not which of them are the same: in a window a
name is how far back it stood last, 0 if that is outside (parameterized matching: Baker, STOC 1993), so that
``a[i] + a[j]`` and ``x[m] + x[n]`` are the same window, and ``a[i] + a[i]`` another. What is called a built-in or a
method of a built-in type is what it is, unless the program defines it.

Of text the words count, whatever their case and what stands between them; numbers do not.
"""

from __future__ import annotations

import builtins
import keyword
import re
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Not ``tokenize``: it takes four times as long, ends at the first fault, and gives f-strings otherwise from 3.12 on.
STRING = r"""[rRbBuUfF]{0,2}(?>'''(?:[^\\]|\\.)*?'''|"{3}(?:[^\\]|\\.)*?"{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
TOKEN = re.compile(
    rf"""(?P<nothing>\#[^\n]*|^[ \t]*{STRING}[ \t]*(?:\#[^\n]*)?$)
    |(?P<string>{STRING})
    |(?P<name>[^\W\d]\w*)
    |(?P<other>\.?\d(?:[eE][+-]|[\w.])*|\.\.\.|\*\*=?|//=?|>>=?|<<=?|->|:=|[-+*/%&|^@<>=!]=|[^\s\w\\])""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
WORD = re.compile(r"[^\W\d_]+")
DEFINED = re.compile(r"\bdef\s+(\w+)")
BUILT_IN = frozenset(dir(builtins))
METHODS = frozenset(
    name for kind in (str, bytes, int, float, list, dict, set, tuple) for name in dir(kind) if name[0] != "_"
)
A_STRING, A_NAME = 1, 2  # tokens, as numbers
HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def code_windows(code: str, width: int) -> Array:
    """Return the hashes of a program's windows, ``uint64``, sorted, each once; none if it has fewer tokens.

    Args:
        code: a program, also one that does not compile.
        width: tokens of a window.
    """
    tokens: list[int] = []
    back: list[int] = []
    last: dict[str, int] = {}
    for token, is_name in _code_tokens(code):
        place = len(tokens)
        tokens.append(A_NAME if is_name else _number(token))
        back.append(place - last.get(token, place) if is_name else 0)
        if is_name:
            last[token] = place
    return _windows(tokens, back, width)


def text_windows(text: str, width: int) -> Array:
    """Return the same of a text and its words."""
    tokens = [_number(word) for word in WORD.findall(text.lower())]
    return _windows(tokens, [0] * len(tokens), width)


def mixed(values: Array) -> Array:
    """Map 64-bit numbers to others, one to one, in which every bit depends on every other (SplitMix64's finalizer)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _code_tokens(code: str) -> Iterator[tuple[str, bool]]:
    """Yield the tokens that count, and whether each is a name that could be any other."""
    own = set(DEFINED.findall(code))
    before = ""
    calls: list[bool] = []  # of the open parentheses, which are those of a call
    for found in TOKEN.finditer(code):
        if found.lastgroup == "nothing":
            continue
        text = "" if found.lastgroup == "string" else found.group()
        is_name = found.lastgroup == "name" and not keyword.iskeyword(text)
        if text == "(":
            calls.append(before in (")", "]") or (before.isidentifier() and not keyword.iskeyword(before)))
        if (text == "(" and not calls[-1]) or (text == ")" and calls and not calls.pop()):
            continue
        called = text in BUILT_IN and code[found.end() : found.end() + 1] == "("  # ``sum = 0`` is a variable
        if text not in own and (called or (before == "." and text in METHODS)):
            is_name = False
        before = text
        yield text, is_name


def _number(token: str) -> int:
    return zlib.crc32(token.encode("utf-8", "surrogatepass")) + A_NAME + 1 if token else A_STRING


def _windows(tokens: list[int], back: list[int], width: int) -> Array:
    """Hash the windows: in each, every token by its place, and a name by how far back in it it stood last."""
    if len(tokens) < width:
        return np.empty(0, np.uint64)
    places = np.arange(width, dtype=np.uint64)
    values = np.lib.stride_tricks.sliding_window_view(np.array(tokens, np.uint64), width)
    distances = np.lib.stride_tricks.sliding_window_view(np.array(back, np.uint64), width)
    values = values + (np.where(distances > places, np.uint64(0), distances) << np.uint64(40))
    return np.unique(mixed((mixed(values) * HASH_FACTOR ** (places + np.uint64(1))).sum(axis=1, dtype=np.uint64)))
