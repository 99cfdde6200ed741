"""Inspection: what can be asked of a value without running any code of the program that made it.

A class may define what ``len``, ``bool``, ``repr``, ``==`` or an attribute do, and its class in turn how it is
hashed. So types are told apart by identity, and what an operation would call is looked up, and used only where it
is one of a built-in type.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import timedelta
from decimal import Decimal
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

MISSING = object()
_NUMBERS = (int, float, complex, bool, Decimal, timedelta)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_TEXTS = (str, bytes, bytearray)
_COLLECTIONS = (list, tuple, dict, set, frozenset, deque, defaultdict, Counter, OrderedDict, range, array)
_MEMBERS_OF = type.__dict__["__dict__"].__get__
_MODULE_OF = type.__dict__["__module__"].__get__
_BASES_OF = type.__dict__["__mro__"].__get__
name_of = type.__dict__["__name__"].__get__


def ids(*kinds: type) -> frozenset[int]:
    """Return what tells types apart: types that never go away, so that none other gets the same."""
    return frozenset(map(id, kinds))


LEAVES = ids(int, bool, str, float, type(None))
SIZED = ids(*_TEXTS, *_COLLECTIONS, *_VIEWS)
_ASKED = (*_NUMBERS, *_TEXTS, *_COLLECTIONS, *_VIEWS)
_SLOTS = frozenset(
    id(_MEMBERS_OF(kind)[name])
    for kind in _ASKED
    for name in ("__bool__", "__len__", "__getitem__")
    if name in _MEMBERS_OF(kind)
)


def slot(kind: type, name: str) -> Any:
    """Return what a class has under a name, its own or inherited; MISSING where it has nothing."""
    for base in _BASES_OF(kind):
        members = _MEMBERS_OF(base)
        if name in members:
            return members[name]
    return MISSING


def numpy_of(kind: type) -> Any:
    """Return numpy if a type is one of its own, None else."""
    if type(kind) is not type:
        return None
    module = _MODULE_OF(kind)
    return sys.modules.get("numpy") if type(module) is str and module == "numpy" else None


def length_of(value: Any) -> int:
    """Return the length of a value, -1 where it has none or one that a program works out."""
    kind = type(value)
    if id(kind) not in SIZED and id(slot(kind, "__len__")) not in _SLOTS and numpy_of(kind) is None:
        return -1
    try:
        return len(value)
    except Exception:  # of an array without dimensions
        return -1


def truth_of(value: Any) -> int:
    """Return 1 or 0 as a value is true or false, -1 where only the program could tell."""
    kind = type(value)
    if id(kind) not in LEAVES and numpy_of(kind) is None:
        asked = slot(kind, "__bool__")
        if asked is MISSING:
            asked = slot(kind, "__len__")
        if asked is MISSING:
            return 1
        if id(asked) not in _SLOTS:
            return -1
    try:
        return 1 if value else 0
    except Exception:  # of an array of several elements
        return -1


def part_of(value: Any, path: tuple[int, ...]) -> Any:
    """Return what a target inside tuples of targets is given; MISSING where it is not a plain tuple or list."""
    for index in path:
        if not (type(value) is tuple or type(value) is list) or index >= len(value):
            return MISSING
        value = value[index]
    return value


def item_of(owner: Any, key: Any) -> Any:
    """Return ``owner[key]``, MISSING where a program's code would run for it."""
    kind = type(owner)
    if not _is_plain_key(key) or (id(slot(kind, "__getitem__")) not in _SLOTS and numpy_of(kind) is None):
        return MISSING
    try:
        if issubclass(kind, dict):
            return dict.get(owner, key, MISSING)
        return owner[key]
    except Exception:  # it is no longer there
        return MISSING


def attribute_of(owner: Any, name: str) -> Any:
    """Return an attribute of an object, MISSING where a program's code would run for it."""
    kind = type(owner)
    if slot(kind, "__getattribute__") is not object.__getattribute__:
        return MISSING
    found = slot(kind, name)
    if type(found) is not MemberDescriptorType and slot(type(found), "__set__") is not MISSING:
        return MISSING  # a property
    try:
        if type(found) is MemberDescriptorType:
            return found.__get__(owner)
        own = slot(kind, "__dict__")
        members = own.__get__(owner) if type(own) is GetSetDescriptorType else None
        return members.get(name, MISSING) if type(members) is dict else MISSING
    except Exception:  # it has none
        return MISSING


def _is_plain_key(key: Any) -> bool:
    if type(key) is tuple:
        return all(map(_is_plain_key, key))
    return id(type(key)) in LEAVES or isinstance(key, getattr(numpy_of(type(key)), "generic", ()))  # np.int64(1)
