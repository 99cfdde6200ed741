"""A cage as an older kernel would give it: this one's, with everything left out that Landlock learned later."""

from typing import Any

import pytest
import sandlock

ABI = 2  # the first version differs in this alone: files could not be moved between folders at all


def be_older_kernel(patch: pytest.MonkeyPatch) -> None:
    """Let all cages that are started from here on lack what the second version of Landlock does not know."""
    asked_for = sandlock.Sandbox
    later = [protection for protection in sandlock.Protection if protection is not sandlock.Protection.FS_REFER]

    def of_older_version(**settings: Any) -> sandlock.Sandbox:
        return asked_for(**settings, disable=later)

    patch.setattr(sandlock, "Sandbox", of_older_version)
    patch.setattr("execground_ray.tracing.running.landlock_abi", lambda: ABI)
