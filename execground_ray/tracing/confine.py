"""What the worker gives up, and what each run gives up on top of it, before it executes the problem's program.

The worker stands in a Landlock domain (see ``sandbox``) that lets it read the interpreter and write nothing. When
it has imported what it needs, and before it has seen a program, it loses what neither it nor a run needs: its
capabilities, the network, other programs, and the system calls through which others have broken out (all of them, with
reasons, in ``system_calls``). A run loses what could touch the worker or another run:

- a Landlock domain of its own: no ptrace reaches a process outside the run, nothing can be made or removed; on Linux
  6.12+ no signal and no abstract socket either (on older kernels the system-call filter refuses every signal instead);
- a second system-call filter: no new process (threads are allowed), no change of limits;
- limits: address space, CPU time, open files, no written file, no core dump;
- its life: it dies with the worker.

Linux on x86-64 and 64-bit Arm.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct

from execground_ray.tracing import call_filter
from execground_ray.tracing.system_calls import FOR_ALL, FOR_RUNS, FOR_RUNS_WITHOUT_SCOPES, PR_SET_PDEATHSIG

PR_SET_NO_NEW_PRIVS = 38
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
LANDLOCK_SCOPE_ABI = 6
LANDLOCK_SCOPES = 3  # abstract unix sockets and signals
LANDLOCK_MAKE_AND_REMOVE = 0x1FF0  # files, folders, links, sockets, pipes and devices
OPEN_FILES = 64

_libc = ctypes.CDLL(None, use_errno=True)
# The C library's fork, for a process with one thread: Python's own spends a third of a run on readying locks and random
# numbers for threads that are not there.
fork = ctypes.PyDLL(None).fork


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class Confinement:
    """Built once per worker, applied in every run: all that can be done before the fork is done there.

    Args:
        landlock_abi: the kernel's Landlock version.

    Raises:
        OSError: if the kernel refuses.
    """

    def __init__(self, landlock_abi: int) -> None:
        """Build the Landlock domain, and the system-call filter for this machine."""
        scoped = landlock_abi >= LANDLOCK_SCOPE_ABI
        ruleset = _Ruleset(LANDLOCK_MAKE_AND_REMOVE, 0, LANDLOCK_SCOPES if scoped else 0)
        self._domain = _libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
        _check(self._domain, "landlock_create_ruleset")
        policy = FOR_RUNS if scoped else FOR_RUNS_WITHOUT_SCOPES
        self._filter = call_filter.prepared(call_filter.compiled(policy))
        self._worker_pid = os.getpid()

    def apply(self) -> None:
        """Confine the calling process, a fork of the one that built this, for good.

        Raises:
            OSError: if the kernel refuses, or the worker is gone; the run must not go on then.
        """
        die_with(self._worker_pid)
        _check(_libc.syscall(LANDLOCK_RESTRICT_SELF, self._domain, 0), "landlock_restrict_self")
        os.close(self._domain)  # whoever holds it could add rules to the domain of the next run
        call_filter.install(self._filter)


def die_with(parent: int) -> None:
    """Let the calling process be killed when its parent ends.

    Raises:
        OSError: the parent has ended already.
    """
    _check(_libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "pdeathsig")
    if os.getppid() != parent:
        raise OSError("the parent is gone")


def drop_rights() -> None:
    """Give up what neither the worker nor any of its runs needs, and every capability: it may be root in name only."""
    header = struct.pack("=Ii", 0x20080522, 0)
    _check(_libc.capset(header, struct.pack("=6I", 0, 0, 0, 0, 0, 0)), "capset")
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    call_filter.install(call_filter.prepared(call_filter.compiled(FOR_ALL)))


def limit_resources() -> None:
    """Set limits, soft and hard, for the calling process and each of its forks."""
    for kind, most in ((resource.RLIMIT_NOFILE, OPEN_FILES), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def limit_memory(address_space_bytes: int, *, for_good: bool) -> None:
    """Limit the address space of the calling process and its forks; ``RLIM_INFINITY`` lifts what was not for good."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limits = (most for most in (address_space_bytes, hard) if most != resource.RLIM_INFINITY)
    most = min(limits, default=resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, (most, most if for_good else hard))


def limit_cpu(seconds: int) -> None:
    """Limit the CPU time of the calling process, all its threads together."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))  # a signal, and then one that cannot be ignored


def _check(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
