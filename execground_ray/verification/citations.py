r"""Citations: numbers of record lines in square brackets, outside of code marks, behind the sentence that tells them.

``[12]``, ``[12-18]`` and ``[3, 12-18]``. Taken out, they leave the text that is trained on::

    "`n` becomes `2` [7-8]. It is odd [9]."  ->  "`n` becomes `2`. It is odd."
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

_CITATION = re.compile(
    r"[ \t]*(?P<open>[\[(]?)\[(?:(?:lines?|record)\s+)?(?P<list>\d+(?:\s*[-–—]\s*\d+)?(?:\s*[,;]\s*\d+(?:\s*[-–—]\s*\d+)?)*)\](?P<close>[\])]?)"
)
_RANGE = re.compile(r"(\d+)(?:\s*[-–—]\s*(\d+))?")
_CODE = re.compile(r"(`+)(?:(?!\1)[\s\S])*?\1|\$[^$\n]*\$")
MAX_LINE = 100_000
WIDEN = 2  # lines that a citation may be too narrow or too wide by
Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Citation:
    """One citation: where it stands in the text without citations, and the lines that it names."""

    place: int
    ranges: Ranges


@dataclass(frozen=True)
class Attributed:
    """A text without its citations, and these."""

    text: str
    citations: tuple[Citation, ...]


def strip_citations(text: str, last_line: int = MAX_LINE) -> str:
    """Return ``text`` as it is trained on; see ``read_citations``."""
    return read_citations(text, last_line).text


def read_citations(text: str, last_line: int = MAX_LINE) -> Attributed:
    """Take the citations out of ``text``.

    Args:
        text: as a translator wrote it.
        last_line: of the record; a list of numbers beyond it, such as ``[3, 700]``, is no citation.
    """
    found = list(_candidates(text, last_line))
    if not _attributes([ranges for _, ranges in found], last_line):
        return Attributed(text, ())
    pieces: list[str] = []
    citations: list[Citation] = []
    length = done = 0
    for match, ranges in found:
        piece = text[done : match.start() + (0 if _closed(match) else len(match["open"]))]
        pieces.append(piece)
        length += len(piece)
        citations.append(Citation(length, ranges))
        done = match.end() - (0 if _closed(match) else len(match["close"]))
    pieces.append(text[done:])
    return Attributed("".join(pieces), tuple(citations))


def _candidates(text: str, last_line: int) -> Iterator[tuple[re.Match[str], Ranges]]:
    """What may be citations: numbers in brackets that rise, outside of code."""
    protected = [match.span() for match in _CODE.finditer(text)]
    starts = [start for start, _ in protected]
    for match in _CITATION.finditer(text):
        index = bisect_right(starts, match.start("list")) - 1
        if index >= 0 and match.start("list") < protected[index][1]:
            continue
        ranges = _ranges(match["list"], last_line)
        if ranges is not None and _stands_alone(text, match):
            yield match, ranges


def _attributes(found: list[Ranges], last_line: int) -> bool:
    """Whether a text cites at all: lists in brackets that are values of the program make no text an attributed one."""
    if any(first < last for ranges in found for first, last in ranges):
        return True
    starts = [ranges[0][0] for ranges in found]
    return len(found) >= 3 and starts == sorted(starts) and starts[-1] > starts[0] and 2 * starts[-1] > last_line


def _ranges(numbers: str, last_line: int) -> Ranges | None:
    found: list[tuple[int, int]] = []
    for match in _RANGE.finditer(numbers):
        first = int(match[1])
        last = int(match[2] or first)
        if not (found[-1][1] if found else 1) <= first <= last <= last_line + WIDEN or first > last_line:
            return None
        found.append((first, min(last, last_line)))
    return tuple(found)


def _closed(match: re.Match[str]) -> bool:
    return (match["open"], match["close"]) in {("(", ")"), ("[", "]")}


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    """A list of a text or an index stands where a word could; a citation has something before, and an end after it."""
    before = text[: match.start()].rstrip()
    after = text[match.end() :]
    if not before or text[match.start() : match.start() + 1] not in " \t([" or before[-1] in "=([{,→:<>":
        return before.endswith(("`", ".", ":", "*", ")", '"')) and bool(re.match(r"\s*(?:[.,;:!?)*]|$|\n)", after))
    return True
