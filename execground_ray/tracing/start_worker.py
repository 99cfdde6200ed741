"""Start the worker in its cage: as a process that can only read the interpreter, its libraries and this package.

Run as a file: ``python -P -s -S start_worker.py SETTINGS``. It confines itself with Landlock, for good, and becomes the
worker, which so has none of what confining takes in its memory: all runs would have to share it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

CONFINED = "confined"


def main(command: list[str]) -> None:
    """Be the process that confines itself, or the worker."""
    settings = json.loads(command[1])
    sys.path += settings["packages"]
    if settings["caged"] and command[2:] != [CONFINED]:
        confine(settings)
        os.execv(sys.executable, [sys.executable, "-P", "-s", "-S", *command, CONFINED])  # noqa: S606
    load_package(Path(__file__).resolve().parents[1])
    from execground_ray.tracing import confine as rights
    from execground_ray.tracing import worker

    rights.die_with(settings["parent"])
    worker.serve(settings)


def confine(settings: dict[str, Any]) -> None:
    """Give up all files but those that ``settings`` name."""
    import sandlock

    cage = sandlock.Sandbox(
        fs_readable=settings["readable"],
        fs_writable=[os.devnull],
        allow_degraded=list(sandlock.Protection) if settings["degraded"] else [],
    )
    sandlock.confine(cage)


def load_package(folder: Path) -> None:
    """Make ``folder`` importable as the package of its name, without listing its parent."""
    import importlib.util

    locations = [str(folder)]
    spec = importlib.util.spec_from_file_location(
        folder.name, folder / "__init__.py", submodule_search_locations=locations
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is not a package")
    package = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    main(sys.argv)
