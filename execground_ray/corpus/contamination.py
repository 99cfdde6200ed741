"""Leaks: the texts of listed files go in, and then problems; which text a problem holds comes out.

The files are benchmarks that a model will be tested on. Every string in them is one text; one that is Python counts as
code too. A problem is contaminated if its description holds 70 % of the windows of a text, or its code 70 % of those of
a code.

13 tokens are GPT-3's window (Brown et al., 2020, arXiv 2005.14165, appendix C), which took a single one for a leak, and
found how many of those were none. 70 % of a text are PaLM's rule (Chowdhery et al., 2022, arXiv 2204.02311, section 8).
Code of a few tokens can look like a part of any program: of a short one fewer than ``ENOUGH_WINDOWS`` are shared, and
then they must be as much of the problem's own, too.
"""

from __future__ import annotations

import ast
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from execground_ray.config.errors import ConfigError
from execground_ray.config.schema import FileSource
from execground_ray.corpus.decoding import LineError, decode_line
from execground_ray.corpus.lines import Raw
from execground_ray.corpus.splits import LineSplit, is_blank, list_splits
from execground_ray.corpus.windows import Array, code_windows, text_windows
from execground_ray.records import Problem

WINDOW_TOKENS = 13
SHARE = 0.7  # of the windows of a text that a problem has, which then holds it
ENOUGH_WINDOWS = 13


@dataclass(frozen=True)
class Index:
    """The windows of many texts in flat arrays, which processes of one machine share.

    Attributes:
        windows: hashes, ``uint64``, sorted; one that several texts have stands there for each.
        texts: which text each belongs to, ``uint32``.
        sizes: how many windows each text has, ``uint32``.
        places: where each text stands: the number of its file and of its line there, ``uint32``, in two columns.
    """

    windows: Array
    texts: Array
    sizes: Array
    places: Array

    @classmethod
    def of(cls, windows: Sequence[Array], places: Sequence[tuple[int, int]]) -> Index:
        """Gather the windows of texts and where they stand."""
        sizes = np.array([len(each) for each in windows], np.uint32)
        everything = np.concatenate([np.empty(0, np.uint64), *windows])
        order = np.argsort(everything, kind="stable")
        texts = np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)[order]
        return cls(everything[order], texts, sizes, np.array(places, np.uint32).reshape(-1, 2))

    def find(self, windows: Array) -> tuple[int, int, float] | None:
        """Return the file, the line and the share of the text that ``windows`` hold most of; None without one."""
        begins = np.searchsorted(self.windows, windows, "left")
        counts = np.searchsorted(self.windows, windows, "right") - begins
        if not counts.any():
            return None
        first = np.repeat(begins - np.cumsum(counts) + counts, counts)
        texts, shared = np.unique(self.texts[first + np.arange(counts.sum())], return_counts=True)
        shares = shared / self.sizes[texts]
        held = (shares >= SHARE) & ((shared >= ENOUGH_WINDOWS) | (shared >= SHARE * len(windows)))
        if not held.any():
            return None
        best = np.flatnonzero(held)[np.argmax(shares[held])]
        file, line = self.places[texts[best]].tolist()
        return file, line, float(shares[best])


@dataclass(frozen=True)
class Benchmarks:
    """What no problem may hold.

    Attributes:
        files: their names.
        text: the texts of all of them.
        code: those that are Python.
    """

    files: tuple[str, ...]
    text: Index
    code: Index

    def leak_in(self, problem: Problem) -> str | None:
        """Say what a problem holds of the listed files; None if nothing."""
        for what, index, windows in (
            ("code", self.code, code_windows(problem.refcode, WINDOW_TOKENS)),
            ("description", self.text, text_windows(problem.question, WINDOW_TOKENS)),
        ):
            if found := index.find(windows):
                file, line, share = found
                return f"the {what} holds {share:.0%} of a text of {self.files[file]}:{line}"
        return None


def read_benchmarks(paths: Sequence[str]) -> Benchmarks | None:
    """Read the listed files; None without any.

    Args:
        paths: of files of JSON, globs or URIs, as ``source.path`` takes them.

    Raises:
        ConfigError: one is not there, cannot be read, or holds no string of ``WINDOW_TOKENS`` words or more.
    """
    try:
        return _read(paths) if paths else None
    except (OSError, ValueError) as error:
        raise ConfigError(f"prefilter.decontaminate: {error}") from error


def _read(paths: Sequence[str]) -> Benchmarks:
    files: list[str] = []
    texts: list[Array] = []
    codes: list[Array] = []
    text_places: list[tuple[int, int]] = []
    code_places: list[tuple[int, int]] = []
    for path in paths:
        before = len(texts) + len(codes)
        for name, line, string in _strings_in(path):
            if name not in files[-1:]:
                files.append(name)
            place = len(files) - 1, line
            if len(windows := text_windows(string, WINDOW_TOKENS)):
                texts.append(windows)
                text_places.append(place)
            if _is_python(string) and len(windows := code_windows(string, WINDOW_TOKENS)):
                codes.append(windows)
                code_places.append(place)
        if len(texts) + len(codes) == before:
            raise ValueError(f"{path}: no string of {WINDOW_TOKENS} words or more in it; allowed: JSON with some")
    return Benchmarks(tuple(files), Index.of(texts, text_places), Index.of(codes, code_places))


def _strings_in(path: str) -> Iterator[tuple[str, int, str]]:
    """Yield every string of the files that a path names, with the name of its file and its line there."""
    name, line = "", 0
    for split in cast(list[LineSplit], list_splits(FileSource(kind="jsonl", limit=None, path=path, layout="pyedu"))):
        name, line = split.name, line if split.name == name else 0
        for raw in split.read():
            line += 1
            if not is_blank(raw):
                for string in _strings(_value(raw, f"{name}:{line}")):
                    yield name, line, string


def _value(raw: Raw, place: str) -> Any:
    """What a line says, or a row of columns."""
    if not isinstance(raw, bytes):
        return raw
    try:
        return decode_line(raw)
    except LineError as error:
        raise ValueError(f"{place}: {error}") from error


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _is_python(text: str) -> bool:
    """Whether a text is a program, or a part of one such as the body of a function, and not only a value."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the program: invalid escapes, "is" with a literal
            body = ast.parse(textwrap.dedent(text)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return False
    return any(not isinstance(statement, ast.Expr) for statement in body)
