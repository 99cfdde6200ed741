"""Which packages a worker imports before its first run: the settings go in, and for a program its kind of worker.

What a worker has imported can be seen in a trace: ``isinstance`` asks every registered class. So it must not depend on
the problems before. There are three kinds of workers, and what a program names says which it needs:

0. no package: modules of the standard library only
1. packages of ``tracing.preload`` (numpy) only: those, too
2. one of ``tracing.packages`` (those of the extra ``corpus``): all of them
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from execground_ray.config.schema import Tracing

WORD = re.compile(r"\w+")


class Preloads:
    """What the workers of each kind import.

    Args:
        tracing: the settings; packages that are not installed are left out.

    Attributes:
        kinds: the modules of each kind.
    """

    def __init__(self, tracing: Tracing) -> None:
        """See the class."""
        standard = [name for name in tracing.preload if _top(name) in sys.stdlib_module_names]
        rare = [name for name in tracing.packages if find_spec(_top(name)) is not None]
        self.kinds = [standard, list(tracing.preload), [*tracing.preload, *rare]]
        self._usual = frozenset(map(_top, tracing.preload)) - frozenset(map(_top, standard))
        self._rare = frozenset(map(_top, rare))

    def kind_for(self, refcode: str) -> int:
        """Return the kind of worker for a program."""
        words = WORD.findall(refcode)
        return 2 if not self._rare.isdisjoint(words) else int(not self._usual.isdisjoint(words))


def _top(name: str) -> str:
    return name.partition(".")[0]
