"""sandlock, which knows which kernel enforces a protection, but tells only its own library."""

from __future__ import annotations

from sandlock import Protection, _sdk


def least_abi(protection: Protection) -> int:
    """Return the version of Landlock from which on a protection is enforced."""
    return int(_sdk._lib.sandlock_protection_min_abi(int(protection)))
