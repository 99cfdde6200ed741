"""Reads and removes the citations of a text, outside code marks."""

import re

from execground_ray.translators.template.writer import write_reasoning

CITATION = re.compile(r" ?\[(\d+(?:-\d+)?(?:, ?\d+(?:-\d+)?)*)\]")
CODE = re.compile(r"(`+)(?:(?!\1)[^\n])*?\1(?!`)")
SOURCE = re.compile(r" *\d+ \|")


def _outside(text):
    """Split a text into what stands outside and what stands inside code marks: the odd ones are inside."""
    parts, end = [], 0
    for match in CODE.finditer(text):
        parts += [text[end : match.start()], match[0]]
        end = match.end()
    return [*parts, text[end:]]


def without_citations(text):
    """Give the text as it reads without them."""
    return "".join(part if index % 2 else CITATION.sub("", part) for index, part in enumerate(_outside(text)))


def plain_reasoning(*given):
    """Give what the template writes, without them."""
    return without_citations(write_reasoning(*given))


def cited_lines(text):
    """Give the numbers of all lines that a text cites."""
    spans = [span for part in _outside(text)[::2] for match in CITATION.findall(part) for span in match.split(", ")]
    ends = [(span.split("-")[0], span.split("-")[-1]) for span in spans]
    return {line for first, last in ends for line in range(int(first), int(last) + 1)}


def source_lines(trace):
    """Give the numbers of the lines of a trace that show a line of the code."""
    return {number for number, line in enumerate(trace.split("\n"), 1) if SOURCE.match(line)}
