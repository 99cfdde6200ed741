"""Whether programs can be caged on this machine as the configuration asks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from execground_ray.config.errors import ConfigError
from execground_ray.tracing.sandbox import SandboxUnavailableError, landlock_abi, missing_protections

if TYPE_CHECKING:
    from execground_ray.config.schema import Sandbox

NO_SANDBOX = """
********************************************************************************************
*  sandbox=none: the programs of the corpus run UNCONFINED, with all your rights: they can *
*  read and delete your files, use the network, and see the secrets in your environment.   *
********************************************************************************************
"""


def check_sandbox(sandbox: Sandbox) -> dict[str, Any]:
    """Say how programs are caged on this machine, for the summary.

    Raises:
        ConfigError: if the configuration asks for a cage that this kernel cannot give.
    """
    if sandbox.kind == "none":
        print(NO_SANDBOX, file=sys.stderr)
        return {"kind": "none"}
    abi = landlock_abi()
    try:
        missing = missing_protections(abi)
    except SandboxUnavailableError as error:
        raise ConfigError(f"sandbox: {error}") from error
    if missing:  # sandlock asks for all of it
        raise ConfigError(
            f"sandbox: this kernel does not enforce {', '.join(missing)}; allowed: Linux 6.12 or newer, or sandbox=none"
        )
    return {"kind": "sandlock", "landlock_abi": abi, "missing_protections": missing}
