r"""Sentences with the lines of the trace that they tell, and the form in which these are cited.

A line is known by its number, counted from 1 as in `trace.split("\n")`. Citations stand in front of the stop that ends
a sentence, after a blank: taking out both leaves the sentence as it reads without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

Lines = frozenset[int]
NO_LINES: Lines = frozenset()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or the words that introduce a list."""

    text: str
    stop: str  # "." or ":"
    lines: Lines = NO_LINES

    def written(self) -> str:
        """Write the sentence and the numbers of its lines."""
        return self.text + citation(self.lines) + self.stop


Paragraph = list[Sentence]


def citation(lines: Iterable[int]) -> str:
    """Write numbers of lines as ` [3, 12-18]`; no lines give an empty text."""
    spans: list[list[int]] = []
    for line in sorted(lines):
        if spans and spans[-1][1] + 1 == line:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    parts = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
    return f" [{', '.join(parts)}]" if parts else ""


def written(paragraph: Sequence[Sentence]) -> str:
    """Write the sentences of a paragraph after one another."""
    return " ".join(sentence.written() for sentence in paragraph)


def count_words(paragraph: Sequence[Sentence]) -> int:
    """Count words; citations are none."""
    return sum(len(sentence.text.split()) for sentence in paragraph)


def begun(start: str, paragraph: Sequence[Sentence], lines: Lines = NO_LINES) -> Paragraph:
    """Put words in front of the first sentence of a paragraph, which goes on in lower case.

    Args:
        start: The words, with the blank after them.
        paragraph: One sentence or more.
        lines: What the words tell.
    """
    first, *rest = paragraph
    return [Sentence(start + lower(first.text), first.stop, lines | first.lines), *rest]


def capitalised(paragraph: Sequence[Sentence], lines: Lines = NO_LINES) -> Paragraph:
    """Let a paragraph begin with a capital; its first sentence also tells the lines."""
    first, *rest = paragraph
    return [Sentence(first.text[:1].upper() + first.text[1:], first.stop, lines | first.lines), *rest]


def lower(text: str) -> str:
    """Begin a text in lower case, for use after a colon; a text that begins with code stays as it is."""
    return text[:1].lower() + text[1:]


def joined(paragraphs: Iterable[Sequence[Sentence]]) -> Paragraph:
    """Make one paragraph of several."""
    return list(chain.from_iterable(paragraphs))
