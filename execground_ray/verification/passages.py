"""Cuts a text into the stretches that are judged: a sentence, or the part of one up to a citation.

Each knows the record lines that it cites; one that cites none is held against the whole run.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from execground_ray.verification.answer import FINAL
from execground_ray.verification.citations import Attributed, Ranges

_CODE = re.compile(r"(`+)(?:(?!\1)[\s\S])+?\1|\$[^$\n]*\$|\[[^\[\]\n]*\]|\"[^\"\n]*\"")
_ITEM = re.compile(r"\s*(?:[-*•+]|\d{1,3}[.)]|[a-z][.)])\s+")
_HEAD = re.compile(r"\s*(?:#{1,6}\s.*|\*\*[^*\n]+\*\*[:.]?\s*|[-=*_]{3,}\s*)$")
_END = re.compile(r"[.!?:;](?=[*_)\"'”]*\s)[*_)\"'”]*\s+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|cf|etc|resp|approx|no|St|Dr|Mr|Mrs)\.|(?<=\s)[A-Z]\.|^\s*\d{1,3}\.|\.\.\.)$", re.IGNORECASE
)


class Passage(NamedTuple):
    """A stretch of a text without citations, and the lines that it cites itself; empty if none."""

    start: int
    end: int
    cited: Ranges


def passages(attributed: Attributed) -> list[Passage]:
    """The stretches of a text in its order; its last line, the final output, is none."""
    text = attributed.text
    final = FINAL.search(text)
    end = final.start() if final else len(text)
    return [passage for start, stop in _blocks(text, end) for passage in _block(attributed, start, stop)]


def _block(attributed: Attributed, start: int, end: int) -> list[Passage]:
    """The passages of a paragraph or list item; an item that cites only once, at its end, does so for all of its sentences."""
    text = attributed.text
    is_item = start > 0 and text[start - 1] != "\n"
    block = [each for first, last in _sentences(text, start, end) for each in _segments(attributed, first, last)]
    if is_item and block and block[-1].cited and not any(passage.cited for passage in block[:-1]):
        cited = block[-1].cited
        return [each if _HEAD.match(text[each.start : each.end]) else each._replace(cited=cited) for each in block]
    return block


def _blocks(text: str, end: int) -> list[tuple[int, int]]:
    """Paragraphs, list items and headings; a line that goes on with a list item belongs to it."""
    found: list[tuple[int, int]] = []
    position = 0
    fresh = True
    for line in text[:end].split("\n"):
        start, position = position, position + len(line) + 1
        if not line.strip():
            fresh = True
            continue
        marker = _ITEM.match(line)
        if fresh or marker or _HEAD.match(line) or (found and _HEAD.match(text[found[-1][0] : found[-1][1]])):
            found.append((start + (marker.end() if marker else 0), start + len(line)))
        else:
            found[-1] = (found[-1][0], start + len(line))
        fresh = False
    return found


def _sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where the sentences of a block are; full stops in code or in brackets end none."""
    protected = [(match.start() + start, match.end() + start) for match in _CODE.finditer(text[start:end])]
    found, begin = [], start
    for match in _END.finditer(text, start, end):
        place = match.start()
        if any(first <= place < last for first, last in protected):
            continue
        if _ABBREVIATION.search(text[begin : place + 1]) or (text[place] in ":;" and "\n" not in match.group()):
            continue
        found.append((begin, match.end()))
        begin = match.end()
    if begin < end:
        found.append((begin, end))
    return found


def _segments(attributed: Attributed, start: int, end: int) -> list[Passage]:
    """The parts of a sentence up to each of its citations."""
    found: list[Passage] = []
    begin = start
    for citation in attributed.citations:
        if not start < citation.place <= end:
            continue
        if citation.place <= begin and found:  # two in a row
            found[-1] = found[-1]._replace(cited=found[-1].cited + citation.ranges)
            continue
        found.append(Passage(begin, citation.place, citation.ranges))
        begin = citation.place
    if re.search(r"\w", attributed.text[begin:end]):
        found.append(Passage(begin, end, ()))
    elif found:
        found[-1] = found[-1]._replace(end=end)
    return found
