"""Where this machine keeps its Python: what no trace shows, as it is private and another on every machine."""

from __future__ import annotations

import os
import re
import site
import sys
from pathlib import Path
from types import ModuleType

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
MODULE_FILE = re.compile(r"(?<=') (?:from '[^'\n]*'|\(built-in\)|\(frozen\))(?=>)")
SHOWN = "/python"  # in the place of such a path
LEAST_CHARS = 5  # what is shorter, such as "/usr", is no secret, and stands in texts that mean something else


def _places() -> list[str]:
    packages = [site.getusersitepackages(), *site.getsitepackages()]
    own = str(Path(__file__).resolve().parents[2])
    home = os.path.expanduser("~")  # noqa: PTH111  (a user without a home is no error here)
    return [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *packages, own, home]


# The longest first: one may be within another.
_PATHS = re.compile(
    "|".join(re.escape(place) for place in sorted(set(_places()), key=len, reverse=True) if len(place) >= LEAST_CHARS)
)


def hide_paths(text: str) -> str:
    """Return a text without the paths of the interpreter, its packages, this project and the user."""
    return _PATHS.sub(SHOWN, text)


def has_path(text: str) -> bool:
    """Tell whether a text names one of them."""
    return _PATHS.search(text) is not None


def show_module(module: ModuleType) -> str:
    """Return the text of a module without the file that it comes from."""
    name = vars(module).get("__name__")
    return f"<module {name!r}>" if type(name) is str else "<module>"


def without_machine(trace: str) -> str:
    """Return a trace, snoop's own or an earlier version's, without what is another on every machine."""
    return MODULE_FILE.sub("", hide_paths(ADDRESS.sub("", trace)))
