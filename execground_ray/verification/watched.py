"""What a text speaks of that is no variable: attributes, items and lengths that its run has to look up."""

from __future__ import annotations

import ast

from execground_ray.tracing.watches import root_of, watch_in
from execground_ray.verification.citations import strip_citations
from execground_ray.verification.tokens import tokenize
from execground_ray.verification.trees import nodes_in, program_names


def watches_of(text: str, refcode: str) -> list[str]:
    """Return the watches that the run has to have for a text, as its translator wrote it; see ``tracing.watches``."""
    names = program_names(refcode)
    plain = strip_citations(text)
    sides = [
        side
        for token in tokenize(plain, 0, len(plain), names).tokens
        for equation in token.equations
        for side in equation
    ]
    nodes = [node for side in sides if not side.pure for node in nodes_in(side.node) if isinstance(node, ast.expr)]
    found = dict.fromkeys(map(watch_in, nodes))
    return [source for source in found if source and root_of(source) in names]
