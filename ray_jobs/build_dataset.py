"""The main job: ``python -m ray_jobs.build_dataset [key=value ...]``, also as the entry point of ``ray job submit``.

The keys are those of ``conf/``. Nothing heavy is loaded before the configuration is known to be right, so a mistake
is refused within a second. Exit codes: 0 done; 1 failed while running (what is written is kept, and it is said whether
the same command goes on from there); 2 wrong configuration or input path, or a machine on which it cannot run.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from execground_ray.config.errors import ConfigError
from execground_ray.config.hydra_errors import COMPOSITION_ERRORS, explain
from execground_ray.config.loading import CONF_DIR, parse
from ray_jobs.failures import GO_ON, advice, in_a_line, root_of

DONE, FAILED, REFUSED = 0, 1, 2
LOOPBACK_ONLY = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # 0: Ray listens on 127.0.0.1 alone, whatever the system


def main() -> int:
    """Run the command line, one job or several (``--multirun``), and return the exit code."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors instead of printing them
    codes: list[int] = []

    def job(composed: DictConfig) -> None:
        codes.append(run(composed))

    try:
        hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="config")(job)()
    except KeyboardInterrupt:
        return _say(f"Stopped. {GO_ON}", FAILED)
    except COMPOSITION_ERRORS as error:
        overrides = [argument for argument in sys.argv[1:] if "=" in argument]
        return _say(f"error: {explain(error, CONF_DIR, overrides)}", REFUSED)
    return max(codes, default=DONE)


def run(composed: DictConfig) -> int:
    """Run one job from its composed configuration and return its exit code."""
    launch = HydraConfig.get()
    if launch.mode == RunMode.MULTIRUN:
        composed.output.dir = f"{composed.output.dir}/{launch.job.num}"
        print(f"job {launch.job.num} -> {composed.output.dir}: {' '.join(launch.overrides.task)}", flush=True)
    try:
        config = parse(composed)
        provide_home()
        if (config.cluster.address or os.environ.get("RAY_ADDRESS") or "local") == "local":
            os.environ[LOOPBACK_ONLY] = "0"  # read when Ray is imported, and by the processes that it starts
        from execground_ray.pipeline import build_dataset  # loads Ray: only once the configuration is right

        return build_dataset(config)
    except Exception as error:
        root = root_of(error)
        said = f"error: {next(iter(str(root).splitlines()), type(root).__name__)}"  # Ray adds lines to it
        if isinstance(root, ConfigError):
            return _say(said, REFUSED)
        if not in_a_line(root):
            traceback.print_exc()
            return _say(advice(root), FAILED)
        return _say(f"{said}\n{advice(root)}", FAILED)


def provide_home() -> None:
    """Give a user without a home folder one for the length of the run: Ray keeps its token there.

    A container may run as a user of whom its image knows nothing.
    """
    try:
        with tempfile.TemporaryFile(dir=Path.home()):
            return
    except (OSError, RuntimeError):  # it cannot be written to, or there is none
        home = tempfile.mkdtemp(prefix="execground-home-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        os.environ["HOME"] = home


def _say(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
