"""Which calls of a run have a trace, and how a run may end before its program does."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType

COMPREHENSIONS = {
    "<listcomp>": "List comprehension",
    "<dictcomp>": "Dict comprehension",
    "<setcomp>": "Set comprehension",
}
# snoop takes every package that is installed beside it for its own inside, and so does the reference: their frames end
# a trace. The standard library is traced.
INSTALLED = tuple(folder + os.sep for folder in sys.path if folder.endswith(("site-packages", "dist-packages")))


class RunEnd(BaseException):
    """The outcome is known before the program has ended."""


class TooLong(RunEnd):
    """The trace has reached the limit of lines or characters."""


class TurnedOff(RunEnd):
    """The program has kept events of a traced frame back."""


class Raised(RunEnd):
    """An exception passed through a traced frame, or ended the program."""

    def __init__(self, error: BaseException | None) -> None:
        """Keep the exception, None when only its effect was seen."""
        self.error = error


class Calls:
    """The calls that have a trace, by snoop's rule.

    Args:
        targets: the code objects of the function to trace.
        depth: how many levels of calls to trace, the function itself included.
    """

    def __init__(self, targets: tuple[CodeType, ...], depth: int) -> None:
        self._targets = targets
        self._depth = depth

    def is_target(self, code: CodeType) -> bool:
        """Tell whether this is the code of the function to trace; by identity, as code takes long to compare."""
        return any(code is target for target in self._targets)

    def have(self, frame: FrameType) -> bool:
        """Tell whether a frame is within so many calls of a target."""
        code = frame.f_code
        if self.is_target(code):
            return True
        if code.co_name not in COMPREHENSIONS and (self._depth == 1 or code.co_filename.startswith(INSTALLED)):
            return False
        candidate: FrameType | None = frame
        level = 0
        while candidate is not None:
            code = candidate.f_code
            if code.co_name in COMPREHENSIONS:
                candidate = candidate.f_back
                continue
            level += 1
            if self.is_target(code):
                return True
            candidate = candidate.f_back
            if level >= self._depth or candidate is None or candidate.f_code.co_filename.startswith(INSTALLED):
                return False
        return False
