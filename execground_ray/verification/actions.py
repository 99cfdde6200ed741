"""What a sentence says in words that the program checks, sorts or removes: its lines do something that may be called so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.trees import name_of_call, nodes_in, operations_of
from execground_ray.verification.window import Window

_TIME = r"(?:first|then|also|now|next|once more|again|therefore)"
_TESTS = "If While For IfExp Assert Match Try ExceptHandler Compare BoolOp Not any all find rfind index count get"
_ONE_OF_EACH = "SetComp DictComp Compare For While set frozenset fromkeys unique drop_duplicates Counter"
# What is said, and what it may be: kinds of statements and expressions, operators, and names of what is called.
_ACTIONS = {
    rf"(?:checks|verifies|(?:a|the|another|this) check) (?:that|whether|if|for|with)|(?:is|are) (?:{_TIME} )?checked": _TESTS,
    # What is worked out or called makes sure of something as well: `max(0, x)`, `int(x)`, `set(names)`.
    r"ma(?:kes|de|ke) sure (?:that|of|the)": f"{_TESTS} BinOp Call ListComp SetComp DictComp",
    rf"sorts|(?:is|are) {_TIME} sorted": "For While sort sorted argsort lexsort sort_values sort_index heapify heappush "
    "heappop nsmallest nlargest insort bisect most_common",
    r"(?:remov|drop|eliminat|tak|filter)\w* (?:out |away )?(?:any |all |the )?(?:duplicates|doubles|repeated)"
    r"|(?:duplicates|doubles|repeated \w+) are (?:then )?(?:removed|dropped|taken)": _ONE_OF_EACH,
}
_SAID = [(re.compile(rf"\b(?:{said})", re.IGNORECASE), frozenset(done.split())) for said, done in _ACTIONS.items()]
# "`is_prime(7)`, which checks whether": what it is for.
_OF_A_FUNCTION = re.compile(r"‹[CEN]\d+›,?(?: which| that| and)? $")


def check_actions(context: Context) -> Iterator[Check]:
    """Judge what a sentence with lines of its own says that they do."""
    window = context.window
    if window is None or not context.cited or not window.complete or context.is_open:
        return
    for pattern, names in _SAID:
        match = pattern.search(context.mask)
        if match and not _OF_A_FUNCTION.search(context.mask[: match.start()]) and not _do(window, names):
            yield Check.of(context.sentence, Kind.OPERATION, f"nothing there is such: {match[0]}")


def _do(window: Window, names: frozenset[str]) -> bool:
    """Whether the very lines that are cited, or functions that they call, do one of some things, or evaluate what is true or false."""
    core = set(window.core_statements)
    called = {name_of_call(node) for node in window.core_nodes}
    nodes = [
        each for name in called for function in window.run.definitions.get(name, ()) for each in nodes_in(function)
    ]
    done = {name for node in [*window.core_nodes, *nodes] for name in operations_of(node)}
    return not names.isdisjoint(done) or any(
        isinstance(event.value, bool) for event in window.events if event.line in core
    )
