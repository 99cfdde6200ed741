"""Whose fault it is that a row gets no answer: the row's own, or that of the server, whatever it is asked.

The rule, for rows whose tries are used up or that were refused:

- A failure is only held, and is no verdict, until the server is known to work: another row has been answered since, or,
  when nothing else is under way, the question of the start check. Until then the row is in no shard, so whatever ends
  the job, the next start does it again.
- When the server is known to work, the row is asked once more, unless it was refused for what is in it (400, 413, 422);
  that it fails again, and the server still works after that, is its own fault. A server that is only busy (429) is
  asked again and again, as long as it answers others.
- ``max_failures`` rows without an answer to any in between are the server's fault. Those under way are awaited, for
  quick refusals overtake slow answers; no new ones begin; and if none of them is answered, the job stops.
- As long as the server has answered no row at all, a quarter of that is enough when no more rows come: then the whole
  run may be what it refuses, and the start check proves little.
- The job stops also when the server fails at the question of the start check.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

QUIET_SECONDS = 2.0  # nothing is under way for so long: no row will prove that the server works
STRANGE_SHARE = 4  # so many times fewer failures are enough while no row has been answered


class ServerError(Exception):
    """A server that does not work, whatever it is asked; one line."""


class ServerHealth:
    """Gives places to requests, and holds what fails until it is known whose fault it is.

    Args:
        places: requests under way at a time.
        max_failures: rows that fail one after the other until it is the server's fault.
        prove: asks the question of the start check, and raises an exception if there is no answer.
    """

    def __init__(self, places: int, max_failures: int, prove: Callable[[], Awaitable[object]]) -> None:
        self._places = asyncio.Semaphore(places)
        self._open = asyncio.Event()
        self._open.set()
        self._max_failures = max_failures
        self._prove = prove
        self._under_way = 0
        self._answers = 0
        self._failed = 0  # rows since the last answer
        self._held: list[asyncio.Future[None]] = []
        self._proof: asyncio.Task[None] | None = None
        self._verdict: ServerError | None = None
        self._last_failure = ""

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place among the requests under way, and hold it for the length of the block.

        Raises:
            ServerError: the server is given up.
        """
        async with self._places:
            while not self._open.is_set():
                await self._open.wait()
            if self._verdict:
                raise self._verdict
            self._under_way += 1
            try:
                yield
            finally:
                self._under_way -= 1
                # After whoever was in the block has told how it ended.
                asyncio.get_running_loop().call_soon(self._settle)

    def answered(self) -> None:
        """Note that a row has been answered: the server works, and what failed before is known not to be its fault."""
        self._answers += 1
        self._failed = 0
        self._open.set()
        self._release(len(self._held))

    async def held(self, failure: str, counts: bool) -> None:
        """Note that a row has failed, and wait until the server is known to work.

        Args:
            failure: in words.
            counts: whether this is the row's first failure: those who are let go together all fail again together.

        Raises:
            ServerError: it does not.
        """
        if self._verdict:
            raise self._verdict
        self._failed += counts
        self._last_failure = failure
        if self._failed >= self._max_failures:
            self._open.clear()
        proof: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.append(proof)
        self._settle()
        await proof

    def _settle(self) -> None:
        """Decide what can be decided once nothing is under way."""
        if self._under_way or not self._held or self._verdict:
            return
        if not self._open.is_set():
            self._give_up(f"{self._failed} rows in a row without an answer, at last: {self._last_failure}")
        elif self._proof is None or self._proof.done():
            self._proof = asyncio.create_task(self._ask_for_proof())

    async def _ask_for_proof(self) -> None:
        """Ask the server the question of the start, unless rows come that may prove as much."""
        await asyncio.sleep(QUIET_SECONDS)
        if self._under_way or not self._held or self._verdict:
            return
        if not self._answers and self._failed * STRANGE_SHARE >= self._max_failures > 1:
            self._give_up(
                f"{self._failed} rows in a row without an answer, and none with one, at last: {self._last_failure}"
            )
            return
        held, answers = len(self._held), self._answers
        try:
            await self._prove()
        except Exception as error:  # whatever it is: who is held must not wait for ever
            if self._answers == answers and not self._under_way:
                self._give_up(f"a row without an answer ({self._last_failure}), and then the server itself: {error}")
        else:
            if self._answers == answers:  # else they are released, and others are held
                self._release(held)
        asyncio.get_running_loop().call_soon(self._settle)

    def _release(self, count: int) -> None:
        """Let the first so many that are held go on."""
        released, self._held = self._held[:count], self._held[count:]
        for proof in released:
            if not proof.done():
                proof.set_result(None)

    def _give_up(self, message: str) -> None:
        """Let everything that waits end with an error."""
        self._verdict = ServerError(f"translator.url: {message}")
        held, self._held = self._held, []
        for proof in held:
            if not proof.done():
                proof.set_exception(self._verdict)
        self._open.set()
