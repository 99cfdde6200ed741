"""What a replayed program may call: pure functions of the standard library, by name.

A program is untrusted, so nothing is reachable unless it is listed here: no file, no process, no import machinery, no
way to an attribute by its name (``getattr``, ``operator.attrgetter``), nothing that evaluates text (``eval``,
``typing.get_type_hints``).
"""

from __future__ import annotations

import bisect
import builtins
import collections
import copy
import datetime
import fractions
import functools
import heapq
import itertools
import json
import math
import operator
import re
import string
from types import ModuleType
from typing import Any

MAX_BITS = 20_000  # of an integer result
_BUILTIN_NAMES = """
    abs all any bin bool callable chr complex dict divmod enumerate filter float frozenset hex int
    isinstance issubclass iter len list map max min next object oct ord property range repr reversed round set slice
    sorted staticmethod classmethod str sum tuple zip ArithmeticError AssertionError AttributeError Exception
    IndexError KeyError LookupError NotImplementedError OverflowError RecursionError RuntimeError StopIteration
    TypeError ValueError ZeroDivisionError NotImplemented Ellipsis
""".split()

_MODULE_NAMES: dict[ModuleType, str] = {
    bisect: "bisect bisect_left bisect_right insort insort_left insort_right",
    collections: "Counter OrderedDict defaultdict deque namedtuple",
    copy: "copy deepcopy",
    datetime: "date datetime time timedelta",
    fractions: "Fraction",
    functools: "cache cmp_to_key lru_cache partial reduce total_ordering",
    heapq: "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    # Without what has no end, ``count``, ``cycle`` and ``repeat``: no budget of steps ends a loop inside of the library.
    itertools: """accumulate chain combinations combinations_with_replacement compress dropwhile groupby
                  islice pairwise permutations product starmap takewhile zip_longest""",
    json: "dumps loads",
    math: """ceil comb copysign cos degrees dist e exp fabs factorial floor fmod gcd hypot inf isclose isfinite isinf
             isnan isqrt lcm log log10 log2 modf nan perm pi pow prod radians sin sqrt tan trunc""",
    operator: "add and_ eq floordiv ge gt itemgetter le lt mod mul ne neg not_ or_ sub truediv xor",
    re: "IGNORECASE compile findall finditer fullmatch match search split sub",
    string: """ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits printable punctuation
               whitespace""",
}


class Namespace:
    """An imported module as a replayed program sees it: the listed names and nothing else."""

    def __init__(self, members: dict[str, Any]) -> None:
        self.members = members


def _type_of(value: Any) -> type:
    """``type`` with one argument; with three it would make classes that the replay has not seen."""
    return type(value)


def _power(base: Any, exponent: Any, modulus: Any = None) -> Any:
    """``pow``, unless the result would be huge."""
    if modulus is None and isinstance(base, int) and isinstance(exponent, int):
        if base.bit_length() * exponent > MAX_BITS:
            raise OverflowError("a huge power")
    return pow(base, exponent, modulus)


BUILTINS: dict[str, Any] = {name: getattr(builtins, name) for name in _BUILTIN_NAMES}
BUILTINS |= {"type": _type_of, "pow": _power, "print": lambda *_, **__: None, "__name__": "__main__"}

MODULES: dict[str, Namespace] = {
    module.__name__: Namespace({name: getattr(module, name) for name in names.split()})
    for module, names in _MODULE_NAMES.items()
}
# Only for annotations and for a limit that the replay does not have.
MODULES["sys"] = Namespace({"setrecursionlimit": lambda _: None, "maxsize": 2**63 - 1})
TYPING = "typing"


def _shown(value: Any = (), *_: Any, **__: Any) -> Any:
    return value


# How values print themselves that are not literals: ``array([1, 2])``, ``deque([1])``, ``np.int64(3)``.
PRINTED: dict[str, Any] = {
    **dict.fromkeys(("array", "deque", "dict_keys", "dict_values", "dict_items"), _shown),
    "Counter": lambda value=(): dict(collections.Counter(value)),
    "OrderedDict": lambda value=(): dict(value),
    "defaultdict": lambda _, value=(): dict(value),
}
NUMPY = ("np", "numpy")
