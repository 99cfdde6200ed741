"""datasets, which has no other way to tell that a repository holds JSON files than the class that would read them."""

from __future__ import annotations

from datasets.packaged_modules.json.json import Json

__all__ = ["Json"]
