"""Start the worker, in the cage that its starter put it in (see ``sandbox``).

Run as a file: ``python -P -s -S start_worker.py SETTINGS``.
"""

import json
import sys
from pathlib import Path


def main(command: list[str]) -> None:
    """Be the worker."""
    settings = json.loads(command[1])
    sys.path += settings["packages"]
    load_package(Path(__file__).resolve().parents[1])
    from execground_ray.tracing import confine as rights
    from execground_ray.tracing import worker

    rights.die_with(settings["parent"])
    worker.serve(settings)


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
