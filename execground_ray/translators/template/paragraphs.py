"""Joins clauses into sentences and paragraphs, and lays paragraphs and lists out as Markdown."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from execground_ray.translators.template.code_map import inside
from execground_ray.translators.template.wording import Clause, listed

MAX_INDENT = 10  # deeper lists are written at this depth: the text says which call it is about
CLAUSES = 3  # in one sentence
MAX_TESTS = 5  # in one sentence
LONG_CLAUSE = 150  # characters: a clause above it is a sentence of its own


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
                return _brief(last) and _brief(clause) and len(self.sentence) < MAX_TESTS
            return self.follows(node)
        if self.sentence[0].kind == "test" and not self.follows(node):
            return False
        if "alone" in (clause.kind, last.kind) or clause.kind == "test" or len(clause.text) > LONG_CLAUSE:
            return False
        constants = all(other.kind == "set" for other in (clause, *self.sentence))
        return len(self.sentence) < (CLAUSES + 2 if constants else CLAUSES)

    def follows(self, node: ast.AST | None) -> bool:
        """Tell whether a statement ran because of the condition just told."""
        test = next((clause for clause in reversed(self.sentence) if clause.kind == "test"), None)
        return test is not None and isinstance(node, ast.stmt) and inside(node.lineno, test.consequence)

    def _awaits(self, node: ast.AST | None) -> bool:
        return bool(self.sentence) and self.sentence[-1].kind == "test" and self.follows(node)

    def end_sentence(self) -> None:
        """Write the clauses that wait as one sentence."""
        if not self.sentence:
            return
        text = _sentence(self.sentence)
        subject = self.opening.removeprefix("back in ").rstrip(", ")
        if not (subject and text.startswith(subject)):  # "Back in `f`, `f` returns"
            text = self.opening + text
        self.sentences.append(text[0].upper() + text[1:] + ".")
        self.sentence, self.opening = [], ""

    def say(self, sentence: str, node: ast.AST | None = None) -> None:
        """Take a whole sentence, which may follow from a condition as a clause does."""
        if self._awaits(node):
            start = _sentence(self.sentence) + ", so "
            self.sentence = []
            sentence = self.opening + start + lower(sentence)
        self.end_sentence()
        self.opening = ""
        self.sentences.append(sentence[0].upper() + sentence[1:])

    def put(self, section: Section, opening: str, node: ast.AST | None = None) -> None:
        """Take a section; the paragraph before it ends, unless the section follows from a condition."""
        if self._awaits(node):
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
