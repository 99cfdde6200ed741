"""Joins clauses into sentences and paragraphs, and lays paragraphs and lists out as Markdown."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from execground_ray.translators.trace_reader import inside
from execground_ray.translators.wording import Clause, listed

MAX_INDENT = 10  # deeper lists are written at this depth: the text says which call it is about
CLAUSES = 3  # in one sentence


@dataclass(slots=True)
class Section:
    """An introduction and the points under it."""

    intro: str
    points: list[Block]


Block = str | Section


@dataclass(slots=True)
class Page:
    """Collects clauses into sentences, sentences into paragraphs."""

    blocks: list[Block] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    sentence: list[Clause] = field(default_factory=list)
    opening: str = ""  # how the next sentence begins, such as "After the loop, "

    def add(self, clause: Clause, node: ast.AST | None = None) -> None:
        """Take one clause; a clause whose statement lies in the block that a condition opened follows from it."""
        if not self._joins(clause, node):
            self.end_sentence()
        self.sentence.append(clause)

    def _joins(self, clause: Clause, node: ast.AST | None) -> bool:
        if not self.sentence:
            return False
        last = self.sentence[-1]
        if last.kind == "test":
            if clause.kind == "test":
                return not last.consequence and ", which is" not in last.text + clause.text
            return self.follows(node)
        if clause.kind in ("test", "alone") or len(self.sentence) >= CLAUSES or len(clause.text) > 200:
            return False
        return clause.kind == last.kind or self.sentence[0].kind == "test"

    def follows(self, node: ast.AST | None) -> bool:
        """Tell whether a statement ran because of the condition just told."""
        last = self.sentence[-1] if self.sentence else None
        return bool(last) and last.kind == "test" and isinstance(node, ast.stmt) and inside(node.lineno, last.consequence)

    def end_sentence(self) -> None:
        """Write the clauses that wait as one sentence."""
        if not self.sentence:
            return
        text = _sentence(self.sentence)
        if not (self.opening.startswith("back in") and self.sentence[0].kind == "alone"):
            text = self.opening + text
        self.sentences.append(text[0].upper() + text[1:] + ".")
        self.sentence, self.opening = [], ""

    def say(self, sentence: str, node: ast.AST | None = None) -> None:
        """Take a whole sentence, which may follow from a condition as a clause does."""
        if self.follows(node):
            start = _sentence(self.sentence) + ", so "
            self.sentence = []
            sentence = self.opening + start + lower(sentence)
        self.end_sentence()
        self.opening = ""
        self.sentences.append(sentence[0].upper() + sentence[1:])

    def put(self, section: Section, opening: str, node: ast.AST | None = None) -> None:
        """Take a section; the paragraph before it ends, unless the section follows from a condition."""
        if self.follows(node):
            section.intro = f"{self.opening}{_sentence(self.sentence)}, so {lower(section.intro)}"
            section.intro = " ".join([*self.sentences, section.intro[0].upper() + section.intro[1:]])
            self.sentences, self.sentence = [], []
        self.end_paragraph()
        self.blocks.append(section)
        self.opening = opening

    def end_paragraph(self) -> None:
        """Close the paragraph."""
        self.end_sentence()
        if self.sentences:
            self.blocks.append(" ".join(self.sentences))
            self.sentences = []


def _sentence(clauses: Sequence[Clause]) -> str:
    tests = [clause.text for clause in clauses if clause.kind == "test"]
    rest = [clause.text for clause in clauses if clause.kind != "test"]
    if not rest:
        return "; ".join(tests)
    start = "; ".join(tests) + ", so " if tests else ""
    if rest and all(clause.kind == "set" for clause in clauses):
        first, *others = rest
        return listed([first, *(text.replace(" is set to ", " to ") for text in others)])
    return start + (rest[0] if len(rest) == 1 else ", ".join(rest[:-1]) + ", and " + rest[-1])


def lower(text: str) -> str:
    """Begin a text in lower case, for use after a colon; a text that begins with code stays as it is."""
    return text[:1].lower() + text[1:]


def render(blocks: Sequence[Block]) -> str:
    """Lay blocks out: paragraphs apart from each other, the points of a section as a list.

    Args:
        blocks: Paragraphs and sections.

    Returns:
        Markdown text.
    """
    parts = []
    for block in blocks:
        if isinstance(block, str):
            parts.append(block)
        else:
            parts.append("\n".join([block.intro, "", *_points(block.points, 0)]))
    return "\n\n".join(parts)


def _points(blocks: Sequence[Block], depth: int) -> list[str]:
    lines = []
    indent = "  " * min(depth, MAX_INDENT)
    for block in blocks:
        if isinstance(block, str):
            lines.append(f"{indent}- {block}")
        else:
            lines += [f"{indent}- {block.intro}", *_points(block.points, depth + 1)]
    return lines
