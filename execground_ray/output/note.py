"""The lock on an output folder where no kernel holds one: a note in it, which its job renews.

A store that writes on a condition (S3's ``If-None-Match`` and ``If-Match``, and what others have of that) decides which
of two jobs that begin together has it: ``store_note``. Where nothing can, ``FileNote`` has to do: there two jobs that
begin within ``SETTLE_SECONDS`` may both believe for some seconds that they are alone, until the renewal of one finds
the note of the other and stops its job.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from execground_ray.output.layout import LOCK
from execground_ray.output.storage import Folder

STALE_SECONDS = 20.0  # a note that has not changed for so long is that of a dead job
SETTLE_SECONDS = 2.0


class HeldError(Exception):
    """Another job has the lock; the message is who."""


@dataclass(frozen=True)
class Found:
    """A note as it was read: ``run`` and ``holder`` and ``renewed``, and what the store calls this state of it."""

    content: dict[str, Any]
    state: dict[str, str]


class Note(ABC):
    """The note of one job in one folder."""

    def __init__(self, holder: str) -> None:
        """Nothing is written yet; ``holder`` is who the job is, for people."""
        self._own = {"run": uuid.uuid4().hex, "holder": holder}
        self._renewed = 0

    @abstractmethod
    def read(self) -> Found | None:
        """Return the note that is there, whosever it is."""

    @abstractmethod
    def put(self, before: Found | None) -> bool:
        """Write the note if what is there is ``before`` still, None for nothing; tell whether that was so."""

    @abstractmethod
    def delete(self) -> None:
        """Delete the note."""

    def take(self) -> None:
        """Write the note where nobody living has one.

        Raises:
            HeldError: somebody has.
            OSError: nothing can be read or written there.
        """
        if self.put(None):
            return
        before = self._wait_for_end()
        if not self.put(before) and not (before and self.put(None)):  # deleted meanwhile
            raise HeldError(self._holder())

    def renew(self) -> bool:
        """Show that the job lives; tell whether the note was its own still."""
        found = self.read()
        if found and not self.is_own(found):
            return False
        self._renewed += 1
        return self.put(found)

    def release(self) -> None:
        """Take the note away if it is the job's own."""
        if self.is_own(self.read()):
            self.delete()

    def is_own(self, found: Found | None) -> bool:
        """Tell whether a note is this job's."""
        return found is not None and found.content.get("run") == self._own["run"]

    def text(self) -> bytes:
        """What to write now."""
        return json.dumps(self._own | {"renewed": self._renewed}).encode()

    def _holder(self) -> str:
        found = self.read()
        return str(found.content.get("holder", "")) if found else ""

    def _wait_for_end(self) -> Found | None:
        """Return the note of a job that does not renew it any more, None if it was taken away.

        Raises:
            HeldError: it was renewed.
        """
        first = self.read()
        if first is None:
            return None
        holder = first.content.get("holder")
        print(f"waiting {STALE_SECONDS:.0f} s for a sign of {holder}, who wrote here", file=sys.stderr)
        end = time.monotonic() + STALE_SECONDS
        found: Found | None = first
        while time.monotonic() < end:
            time.sleep(1)
            found = self.read()
            if found is None:
                return None
            if found.content != first.content:
                raise HeldError(str(found.content.get("holder", "")))
        return found


class FileNote(Note):
    """A note that whoever writes last has.

    Args:
        folder: of the output.
        holder: who the job is.
    """

    def __init__(self, folder: Folder, holder: str) -> None:
        super().__init__(holder)
        self._folder = folder

    def read(self) -> Found | None:
        """Read the file."""
        try:
            return Found(content_of(self._folder.read_text(LOCK).encode()), {})
        except FileNotFoundError:
            return None

    def put(self, before: Found | None) -> bool:
        """Look, and write; whether another wrote at the same time shows after a while."""
        found = self.read()
        if found and not self.is_own(found) and (before is None or found.content != before.content):
            return False
        self._folder.write_text(LOCK, self.text().decode())
        if self._renewed == 0:
            time.sleep(SETTLE_SECONDS)
        return self.is_own(self.read())

    def delete(self) -> None:
        """Delete the file."""
        self._folder.delete(LOCK)


def content_of(data: bytes) -> dict[str, Any]:
    """Return what a note says; nothing if it is none."""
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return dict(found) if isinstance(found, dict) else {}
