"""Joins clauses into sentences and paragraphs, and lays paragraphs and lists out as Markdown."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from execground_ray.translators.template.citations import (
    NO_LINES,
    Lines,
    Paragraph,
    Sentence,
    begun,
    capitalised,
    written,
)
from execground_ray.translators.template.code_map import inside
from execground_ray.translators.template.wording import Clause, listed

MAX_INDENT = 10  # deeper lists are written at this depth: the text says which call it is about
CLAUSES = 3  # in one sentence
MAX_TESTS = 5  # in one sentence
LONG_CLAUSE = 150  # characters: a clause above it is a sentence of its own


@dataclass(slots=True)
class Section:
    """An introduction and the points under it."""

    intro: Paragraph
    points: list[Block]


Block = Paragraph | Section


@dataclass(slots=True)
class Page:
    """Collects clauses into sentences, sentences into paragraphs."""

    blocks: list[Block] = field(default_factory=list)
    sentences: Paragraph = field(default_factory=list)
    clauses: list[Clause] = field(default_factory=list)  # of the sentence that is being made
    opening: str = ""  # how the next sentence begins, such as "After the loop, "
    waiting: Lines = NO_LINES  # lines without words of their own: what is said next tells them too

    def add(self, clause: Clause, node: ast.AST | None = None) -> None:
        """Take one clause; a clause whose statement lies in the block that a condition opened follows from it."""
        if not self._joins(clause, node):
            self.end_sentence()
        clause.lines |= self._waited()
        self.clauses.append(clause)

    def wait(self, lines: Iterable[int]) -> None:
        """Take lines that have no words of their own."""
        self.waiting = self.waiting.union(lines)

    def _waited(self) -> Lines:
        lines, self.waiting = self.waiting, NO_LINES
        return lines

    def _joins(self, clause: Clause, node: ast.AST | None) -> bool:
        if not self.clauses:
            return False
        last = self.clauses[-1]
        if last.kind == "test":
            if clause.kind == "test":
                return _brief(last) and _brief(clause) and len(self.clauses) < MAX_TESTS
            return self.follows(node)
        if self.clauses[0].kind == "test" and not self.follows(node):
            return False
        if "alone" in (clause.kind, last.kind) or clause.kind == "test" or len(clause.text) > LONG_CLAUSE:
            return False
        constants = all(other.kind == "set" for other in (clause, *self.clauses))
        return len(self.clauses) < (CLAUSES + 2 if constants else CLAUSES)

    def follows(self, node: ast.AST | None) -> bool:
        """Tell whether a statement ran because of the condition just told."""
        test = next((clause for clause in reversed(self.clauses) if clause.kind == "test"), None)
        return test is not None and isinstance(node, ast.stmt) and inside(node.lineno, test.consequence)

    def _awaits(self, node: ast.AST | None) -> bool:
        return bool(self.clauses) and self.clauses[-1].kind == "test" and self.follows(node)

    def end_sentence(self) -> None:
        """Write the clauses that wait as one sentence."""
        if not self.clauses:
            return
        text = _sentence(self.clauses)
        subject = self.opening.removeprefix("back in ").rstrip(", ")
        if not (subject and text.startswith(subject)):  # "Back in `f`, `f` returns"
            text = self.opening + text
        self.sentences += capitalised([Sentence(text, ".", _told(self.clauses))])
        self.clauses, self.opening = [], ""

    def say(self, paragraph: Paragraph, node: ast.AST | None = None) -> None:
        """Take whole sentences, the first of which may follow from a condition as a clause does."""
        paragraph = self._following(paragraph, node)
        self.end_sentence()
        self.opening = ""
        self.sentences += capitalised(paragraph, self._waited())

    def put(self, section: Section, opening: str, node: ast.AST | None = None) -> None:
        """Take a section; the paragraph before it ends, unless the section follows from a condition."""
        lines = self._waited()
        if self._awaits(node):
            section.intro = [*self.sentences, *capitalised(self._following(section.intro, node), lines)]
            self.sentences = []
        else:
            section.intro = capitalised(section.intro, lines)
        self.end_paragraph()
        self.blocks.append(section)
        self.opening = opening

    def _following(self, paragraph: Paragraph, node: ast.AST | None) -> Paragraph:
        """Put the condition before what follows from it."""
        if not self._awaits(node):
            return paragraph
        clauses, self.clauses = self.clauses, []
        return begun(f"{self.opening}{_sentence(clauses)}, so ", paragraph, _told(clauses))

    def end_paragraph(self) -> None:
        """Close the paragraph."""
        self.end_sentence()
        if self.sentences:
            last = self.sentences[-1]
            self.sentences[-1] = Sentence(last.text, last.stop, last.lines | self._waited())
            self.blocks.append(self.sentences)
            self.sentences = []


def _told(clauses: Sequence[Clause]) -> Lines:
    return NO_LINES.union(*(clause.lines for clause in clauses))


def _brief(test: Clause) -> bool:
    return test.text.endswith(("` is false", "` is true")) and "which is" not in test.text


def _tests(clauses: Sequence[Clause]) -> str:
    """Join conditions; those that went the same way share a verb."""
    parts: list[str] = []
    for word, group in groupby(clauses, key=lambda clause: clause.text.rpartition("` is ")[2]):
        texts = [clause.text for clause in group]
        if len(texts) > 1 and not any(" and " in text or " or " in text for text in texts):
            parts.append(f"{listed([text.removesuffix(f' is {word}') for text in texts])} are {word}")
        else:
            parts += texts
    return "; ".join(parts)


def _sentence(clauses: Sequence[Clause]) -> str:
    tests = [clause for clause in clauses if clause.kind == "test"]
    rest = [clause.text for clause in clauses if clause.kind != "test"]
    if not rest:
        return _tests(tests)
    start = _tests(tests) + ", so " if tests else ""
    if rest and all(clause.kind == "set" for clause in clauses):
        first, *others = rest
        return listed([first, *(text.replace(" is set to ", " to ") for text in others)])
    return start + (rest[0] if len(rest) == 1 else ", ".join(rest[:-1]) + ", and " + rest[-1])


def grouped(blocks: Sequence[Block]) -> list[Block]:
    """Make one point of an iteration: its first paragraph introduces the rest."""
    if len(blocks) > 1 and isinstance(blocks[0], list):
        return [Section(blocks[0], list(blocks[1:]))]
    return list(blocks)


def render(blocks: Sequence[Block]) -> str:
    """Lay blocks out: paragraphs apart from each other, the points of a section as a list.

    Args:
        blocks: Paragraphs and sections.

    Returns:
        Markdown text.
    """
    parts = []
    for block in blocks:
        if isinstance(block, Section):
            parts.append("\n".join([written(block.intro), "", *_points(block.points, 0)]))
        else:
            parts.append(written(block))
    return "\n\n".join(parts)


def _points(blocks: Sequence[Block], depth: int) -> list[str]:
    lines = []
    indent = "  " * min(depth, MAX_INDENT)
    for block in blocks:
        if isinstance(block, Section):
            lines += [f"{indent}- {written(block.intro)}", *_points(block.points, depth + 1)]
        else:
            lines.append(f"{indent}- {written(block)}")
    return lines
