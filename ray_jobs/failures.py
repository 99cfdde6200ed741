"""What to tell of an error that ended a job: whether the same command goes on from there, by the kind of error."""

from __future__ import annotations

import re
import sys

from execground_ray.config.errors import ConfigError

KEPT = "What is written is kept"
GO_ON = f"{KEPT}: run the same command again to go on."
MENDED = f"{KEPT}: once that is mended, the same command goes on."
NOT_AGAIN = f"{KEPT}, but the same command would end like this again."


def root_of(error: BaseException) -> BaseException:
    """Return the error itself out of what Ray wraps around those of its workers; of some it leaves only the text."""
    if "ray" not in sys.modules:  # it takes seconds to load, and had no part in this
        return error
    from ray.exceptions import RayTaskError, UserCodeException

    from execground_ray.private.ray import SystemException
    from execground_ray.translators.llm.server_health import ServerError

    if found := re.search(rf"^{re.escape(ServerError.__module__)}\.ServerError: (.+)$", str(error), re.MULTILINE):
        return ServerError(found[1])
    while isinstance(error, RayTaskError | UserCodeException):
        inner = getattr(error, "cause", None) or error.__cause__
        if inner is None or isinstance(inner, SystemException):
            break
        error = inner
    return error


def in_a_line(root: BaseException) -> bool:
    """Tell whether its first line says all there is to an error: of the settings, the system or a server that refuses.

    A fault of the program's own needs its traceback.
    """
    from execground_ray.tracing.sandbox import SandboxUnavailableError
    from execground_ray.translators.llm.server_health import ServerError

    return isinstance(root, ConfigError | OSError | SandboxUnavailableError | ServerError)


def advice(root: BaseException) -> str:
    """Return what to do after an error.

    What a machine, a disk or a network did may pass: a node lost, a store that is away, a full disk. What the system
    refuses is mended by somebody. An exception of the program's own comes again.
    """
    from ray.data.exceptions import ExecutionTimeoutError
    from ray.exceptions import RayActorError, RayError, RayTaskError, RuntimeEnvSetupError

    from execground_ray.output.storage import OutputError
    from execground_ray.tracing.sandbox import SandboxUnavailableError
    from execground_ray.translators.llm.server_health import ServerError

    if isinstance(root, OutputError | ServerError | ConnectionError | TimeoutError | ExecutionTimeoutError):
        return GO_ON
    if isinstance(root, RayActorError):
        return NOT_AGAIN if root.actor_init_failed else GO_ON
    if isinstance(root, RayError) and type(root) is not RayError:
        return NOT_AGAIN if isinstance(root, RayTaskError | RuntimeEnvSetupError) else GO_ON
    return MENDED if isinstance(root, OSError | SandboxUnavailableError) else NOT_AGAIN
