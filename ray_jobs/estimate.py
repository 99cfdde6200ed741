"""What a run would give and cost, before it does: ``python -m ray_jobs.estimate [key=value ...]``, as for the main job.

Some hundred problems of the source, drawn by the seed, are traced here, and with ``translator=template`` put into words
and verified. A table is printed, each figure with its 95 % interval; nothing is written, no Ray is started, no model is
asked. Exit codes: 0 done; 1 failed while running; 2 wrong configuration or input path.
"""

from __future__ import annotations

import os
import sys
import time

import hydra
from omegaconf import DictConfig

from execground_ray.config.errors import ConfigError
from execground_ray.config.hydra_errors import COMPOSITION_ERRORS, explain
from execground_ray.config.loading import CONF_DIR, parse
from ray_jobs.build_dataset import DONE, FAILED, REFUSED


def main() -> int:
    """Run the command line and return the exit code."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors instead of printing them
    try:
        hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="config")(run)()
    except KeyboardInterrupt:
        return _say("Stopped.", FAILED)
    except COMPOSITION_ERRORS as error:
        overrides = [argument for argument in sys.argv[1:] if "=" in argument]
        return _say(f"error: {explain(error, CONF_DIR, overrides)}", REFUSED)
    except ConfigError as error:
        return _say(f"error: {error}", REFUSED)
    return DONE


def run(composed: DictConfig) -> None:
    """Estimate what one configuration gives, and print it."""
    config = parse(composed)
    from execground_ray.estimate.estimate import estimate  # loads much: only once the configuration is right
    from execground_ray.estimate.table import table
    from execground_ray.tracing.availability import check_sandbox

    check_sandbox(config.sandbox)
    started = time.monotonic()
    found = estimate(config, caged=config.sandbox.kind == "sandlock")
    print(table(found, config))
    print(f"from {found.sample:,} problems in {time.monotonic() - started:.0f} s; nothing was written")


def _say(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
