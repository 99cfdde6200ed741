"""Cuts a text into the stretches that are judged: a sentence, or the part of one up to a citation.

Each knows the record lines that it cites. One that cites nothing is held against the lines from the citation before it
to the one behind it, and an introduction (``For `i = 2`:``) against those of the list that follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from execground_ray.verification.citations import Attributed

Ranges = tuple[tuple[int, int], ...]
_CODE = re.compile(r"(`+)(?:(?!\1)[\s\S])+?\1|\$[^$\n]*\$|\[[^\[\]\n]*\]|\"[^\"\n]*\"")
_ITEM = re.compile(r"\s*(?:[-*•+]|\d{1,3}[.)]|[a-z][.)])\s+")
_HEAD = re.compile(r"\s*(?:#{1,6}\s.*|\*\*[^*\n]+\*\*[:.]?\s*|[-=*_]{3,}\s*)$")
_END = re.compile(r"[.!?:;](?=[*_)\"'”]*\s)[*_)\"'”]*\s+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|cf|etc|resp|approx|no|St|Dr|Mr|Mrs)\.|(?<=\s)[A-Z]\.|^\s*\d{1,3}\.|\.\.\.)$", re.IGNORECASE
)
FINAL_LINE = re.compile(r"^[>\s]*\*{0,2}Final output:?\*{0,2}:?.*\Z", re.MULTILINE | re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Passage:
    """A stretch of a text, and the lines that it is held against.

    Attributes:
        start: In the text without citations.
        end: There.
        cited: What it cites itself; empty if nothing.
        lines: What it is held against: what it cites, or what those around it do.
        block: Number of the paragraph or list item.
        opens: It introduces what follows.
        item: It stands in a list item.
    """

    start: int
    end: int
    cited: Ranges
    lines: Ranges
    block: int
    opens: bool
    item: bool


def passages(attributed: Attributed) -> list[Passage]:
    """The stretches of a text in its order; its last line, the final output, is none."""
    text = attributed.text
    final = FINAL_LINE.search(text)
    end = final.start() if final else len(text)
    found: list[Passage] = []
    for number, (start, stop, item) in enumerate(_blocks(text, end)):
        for first, last in _sentences(text, start, stop):
            found += _segments(attributed, first, last, number, item)
    return _with_context(found)


def _blocks(text: str, end: int) -> list[tuple[int, int, bool]]:
    """Paragraphs, list items and headings; a line that goes on with a list item belongs to it."""
    found: list[tuple[int, int, bool]] = []
    position = 0
    fresh = True
    for line in text[:end].split("\n"):
        start, position = position, position + len(line) + 1
        if not line.strip():
            fresh = True
            continue
        marker = _ITEM.match(line)
        item = marker is not None
        if fresh or item or _HEAD.match(line) or (found and _HEAD.match(text[found[-1][0] : found[-1][1]])):
            found.append((start + (marker.end() if marker else 0), start + len(line), item))
        else:
            found[-1] = (found[-1][0], start + len(line), found[-1][2])
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


def _segments(attributed: Attributed, start: int, end: int, block: int, item: bool) -> list[Passage]:
    """The parts of a sentence up to each of its citations."""
    text = attributed.text
    found: list[Passage] = []
    begin = start
    for citation in attributed.citations:
        if not start < citation.place <= end:
            continue
        if citation.place <= begin and found:  # two in a row
            both = found[-1].cited + citation.ranges
            found[-1] = replace(found[-1], cited=both, lines=both)
            continue
        found.append(Passage(begin, citation.place, citation.ranges, citation.ranges, block, False, item))
        begin = citation.place
    rest = text[begin:end]
    if re.search(r"\w", rest):
        opens = rest.rstrip(" *_\n").endswith(":") or bool(_HEAD.match(text[start:end]))
        found.append(Passage(begin, end, (), (), block, opens, item))
    elif found:
        found[-1] = replace(found[-1], end=end)
    return found


def _with_context(found: list[Passage]) -> list[Passage]:
    """Lines for those that cite nothing: from the citation before to the one behind, over the list they introduce."""
    result = []
    for index, passage in enumerate(found):
        if passage.cited:
            result.append(passage)
            continue
        before = next((each for each in reversed(found[:index]) if each.cited), None)
        behind = _behind(found, index)
        if before is None and behind is None:
            result.append(passage)
            continue
        lines = [line for each in (before, behind) if each for pair in each.cited for line in pair]
        result.append(replace(passage, lines=((min(lines), max(lines)),)))
    return result


def _behind(found: list[Passage], index: int) -> Passage | None:
    """The next that cites; behind an introduction the last one of its list."""
    rest = found[index + 1 :]
    cited = next((each for each in rest if each.cited), None)
    if not found[index].opens or cited is None:
        return cited
    last = cited
    for each in rest:
        if each.block == found[index].block:
            continue
        if not each.item and each.opens:
            break
        if each.cited:
            last = each
        if not each.item:
            break
    return last
