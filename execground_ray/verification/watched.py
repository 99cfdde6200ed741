"""What a text speaks of that is no variable: attributes, items and lengths that its run has to look up."""

from __future__ import annotations

import ast
import re

from execground_ray.tracing.watches import root_of, watch_in
from execground_ray.verification.citations import strip_citations
from execground_ray.verification.notation import parse
from execground_ray.verification.trees import nodes_in, program_names

_INDEX = r"\[(?:[^\[\]\n]|\[[^\[\]\n]*\])+\]"
_PARTS = rf"(?:\.[A-Za-z_]\w*|{_INDEX})"
# An attribute or item of something, or its length; what is in its indices is found in its tree.
_WATCHED = re.compile(rf"(?<![\w.])(?:len\([A-Za-z_]\w*{_PARTS}*\)|[A-Za-z_]\w*{_PARTS}+)")


def watches_of(text: str, refcode: str) -> list[str]:
    """Return the watches that the run has to have for a text, as its translator wrote it; see ``tracing.watches``."""
    names = program_names(refcode)
    sides = map(parse, dict.fromkeys(_WATCHED.findall(strip_citations(text))))
    nodes = [node for side in sides if side for node in nodes_in(side.node) if isinstance(node, ast.expr)]
    found = dict.fromkeys(map(watch_in, nodes))
    return [source for source in found if source and root_of(source) in names]
