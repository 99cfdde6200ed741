"""Start the worker inside the cage, where only this package's own folder can be read, not the folder it stands in.

Run as a file: ``python -P -s start_worker.py SETTINGS``.
"""

import importlib.util
import sys
from pathlib import Path


def load_package(folder: Path) -> None:
    """Make ``folder`` importable as the package of its name, without listing its parent."""
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
    load_package(Path(__file__).resolve().parents[1])
    from execground_ray.tracing.worker import main

    main()
