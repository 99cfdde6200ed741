"""Whether two records tell of the same run, and whether a program could make them differ."""

from __future__ import annotations

import re

# An address that a program sees as a number (``copy.deepcopy`` does), or a hash made of one.
MOVING_NUMBER = re.compile(r"(?<![\w.])-?\d{12,20}(?![\w.])")
# What is named where somebody draws by lot or looks at the clock. Other names hold it, too (``operand``): such a
# program only runs once more.
MAY_VARY = re.compile(r"rand|rvs|secrets|uuid|time|faker", re.IGNORECASE)


def may_vary(refcode: str) -> bool:
    """Tell whether a program names what could make another run of it differ."""
    return MAY_VARY.search(refcode) is not None


def renaming(written: str, recorded: str) -> dict[str, str] | None:
    """Return which numbers of one record are others in another, if they are the same but for that; None else.

    An address differs from run to run. A program may see it, and all that its number says is which object it is: two
    records are the same if the numbers of one can be renamed into those of the other.
    """
    if written == recorded:
        return {}
    names: dict[str, str] = {}
    numbers, others = MOVING_NUMBER.findall(written), MOVING_NUMBER.findall(recorded)
    if len(numbers) != len(others):
        return None
    for number, other in zip(numbers, others, strict=True):
        if names.setdefault(number, other) != other:
            return None
    if len(set(names.values())) < len(names) or renamed(written, names) != recorded:
        return None
    return names


def difference(written: str, recorded: str) -> str:
    """Say where two records part."""
    lines, others = written.split("\n"), recorded.split("\n")
    for number, (line, other) in enumerate(zip(lines, others, strict=False), 1):
        if line != other:
            return f"record line {number}: {line.strip()[:80]!r}, recorded {other.strip()[:80]!r}"
    return f"{len(lines)} record lines, recorded {len(others)}"


def renamed(text: str, names: dict[str, str]) -> str:
    """Return a text with these numbers put for others."""
    return MOVING_NUMBER.sub(lambda found: names.get(found[0], found[0]), text) if names else text
