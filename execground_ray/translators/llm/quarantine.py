"""Who may be in an engine together: a row at which engines have died before runs in ever smaller company.

So the row that kills its engine is found, and those that were only there when it happened are not blamed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

EVERYBODY = ""


class Quarantine:
    """Lets in one group at a time: everybody, or, when nobody else is inside, a batch or a row on its own."""

    def __init__(self) -> None:
        """Start empty."""
        self._changed = asyncio.Condition()
        self._group = EVERYBODY
        self._inside = 0
        self._waiting_alone = 0

    @asynccontextmanager
    async def enter(self, group: str) -> AsyncIterator[None]:
        """Wait for the turn of ``group``, and stay inside for the length of the block."""
        alone = group != EVERYBODY
        async with self._changed:
            self._waiting_alone += alone
            await self._changed.wait_for(lambda: self._may_enter(group))
            self._waiting_alone -= alone
            self._group = group
            self._inside += 1
        try:
            yield
        finally:
            async with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def _may_enter(self, group: str) -> bool:
        if group == EVERYBODY and self._waiting_alone:
            return False  # or those who wait to be alone would wait for ever
        return not self._inside or self._group == group


def group_of(deaths: int, max_tries: int, batch: str, row_id: str) -> str:
    """Return the company in which a row may run: the fewer tries are left, the fewer can die with it."""
    if deaths == 0 or deaths < max_tries - 2:
        return EVERYBODY  # most engines die of something else
    return batch if deaths == max_tries - 2 else row_id
