"""How a process talks to one that it has started: messages over pipes, each a 4-byte length and a JSON object."""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import Any, BinaryIO

LENGTH = struct.Struct("=I")
CHUNK_BYTES = 2**20


def read_message(stream: BinaryIO | DeadlineReader) -> dict[str, Any] | None:
    """Read one message; None at the end of the stream."""
    header = stream.read(LENGTH.size)
    if len(header) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(header)
    body = stream.read(length)
    if len(body) < length:
        return None
    message: dict[str, Any] = json.loads(body)
    return message


def write_message(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Write one message and flush it."""
    body = json.dumps(message).encode()
    stream.write(LENGTH.pack(len(body)) + body)
    stream.flush()


class DeadlineReader:
    """Reads exactly so many bytes from a pipe, or fails at a deadline.

    Args:
        stream: an unbuffered one.
        seconds: from now on.
    """

    def __init__(self, stream: BinaryIO, seconds: float) -> None:
        self._descriptor = stream.fileno()
        self._deadline = time.monotonic() + seconds

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes, fewer only at the end of the stream.

        Raises:
            TimeoutError: they have not come in time.
        """
        chunks = []
        while size:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0 or not select.select([self._descriptor], [], [], remaining)[0]:
                raise TimeoutError("it did not answer in time")
            chunk = os.read(self._descriptor, min(size, CHUNK_BYTES))
            if not chunk:
                break
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)
