"""Reads and removes the citations of a text, outside code marks."""

import re

CITATION = re.compile(r" ?\[(\d+(?:-\d+)?(?:, ?\d+(?:-\d+)?)*)\]")
CODE = re.compile(r"(`[^`\n]*`)")
SOURCE = re.compile(r" *\d+ \|")


def without_citations(text):
    """Give the text as it reads without them."""
    return "".join(part if part.startswith("`") else CITATION.sub("", part) for part in CODE.split(text))


def cited_lines(text):
    """Give the numbers of all lines that a text cites."""
    spans = [span for part in CODE.split(text)[::2] for match in CITATION.findall(part) for span in match.split(", ")]
    ends = [(span.split("-")[0], span.split("-")[-1]) for span in spans]
    return {line for first, last in ends for line in range(int(first), int(last) + 1)}


def source_lines(trace):
    """Give the numbers of the lines of a trace that show a line of the code."""
    return {number for number, line in enumerate(trace.split("\n"), 1) if SOURCE.match(line)}
