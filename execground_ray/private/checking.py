"""Look whether a library still has what is used of it without a promise."""

from __future__ import annotations

from importlib.metadata import version
from types import CodeType, FunctionType
from typing import Any

from execground_ray.config.errors import ConfigError


def require(library: str, owner: Any, *names: str) -> None:
    """Make sure that a class or module has these names.

    Raises:
        ConfigError: one is gone; says which, and in which version.
    """
    known = getattr(owner, "model_fields", {})
    for name in names:
        if not hasattr(owner, name) and name not in known:
            raise gone(library, f"{owner.__name__}.{name}")


def require_reader(library: str, owner: type, name: str) -> None:
    """Make sure that a method of a class reads an attribute: one that is only set changes nothing.

    Raises:
        ConfigError: none does.
    """
    methods = [getattr(member, "fget", member) for member in vars(owner).values()]
    if not any(_reads(method.__code__, name) for method in methods if isinstance(method, FunctionType)):
        raise gone(library, f"reader of {owner.__name__}.{name}")


def _reads(code: CodeType, name: str) -> bool:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))  # a comprehension has its own
    return name in code.co_names or any(_reads(each, name) for each in inner)


def gone(library: str, what: str) -> ConfigError:
    """Return the error for something that a library has no more."""
    return ConfigError(
        f"{library} {version(library)} has no {what} any more, which this job needs; "
        f"allowed: the version of {library} that pyproject.toml names"
    )
