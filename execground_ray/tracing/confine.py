"""What one run loses, on top of the worker's cage, before it executes the problem's program.

All runs of a worker share its cage (see ``sandbox``). So that a run cannot touch the worker or another run either:

- a Landlock domain of its own: no signal, ptrace or abstract socket reaches a process outside the run (Linux 6.12+;
  on older kernels the system-call filter refuses every signal instead);
- a seccomp filter: no new process (threads are allowed), no other program, no socket, no change of another process's
  limits, priority or CPUs, no memory that the limits do not count;
- limits: address space, CPU time, open files, no written file, no core dump.

Linux on x86-64 and 64-bit Arm.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct

PR_CAPBSET_DROP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 24, 22, 38, 2
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
LANDLOCK_SCOPE_ABI = 6
LANDLOCK_SCOPES = 3  # abstract unix sockets and signals
OPEN_FILES = 64

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x00050001, 0x00050000 | 38
CLONE_THREAD = 0x00010000
LOAD, JUMP_EQUAL, JUMP_SET, JUMP_GREATER_EQUAL, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, little-endian
X32_BIT = 0x40000000

# name: number on x86-64, number on 64-bit Arm (None: there is no such call)
DENIED = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "socket": (41, 198),
    "setrlimit": (160, 164),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}
SIGNALS = {
    "kill": (62, 129),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
SPECIAL = {"clone": (56, 220), "clone3": (435, 435), "prlimit64": (302, 261)}
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class Confinement:
    """Built once per worker, applied in every run.

    Args:
        landlock_abi: the kernel's Landlock version; 0 for none.
    """

    def __init__(self, landlock_abi: int) -> None:
        """Build the system-call filter for this machine."""
        self._scoped = landlock_abi >= LANDLOCK_SCOPE_ABI
        code = _filter(platform.machine(), deny_signals=not self._scoped)
        self._program = _Program(len(code) // 8, code)

    def apply(self) -> None:
        """Confine the calling process for good.

        Raises:
            OSError: if the kernel refuses; the run must not go on then.
        """
        _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
        if self._scoped:
            ruleset = _Ruleset(0, 0, LANDLOCK_SCOPES)
            handle = _libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
            _check(handle, "landlock_create_ruleset")
            _check(_libc.syscall(LANDLOCK_RESTRICT_SELF, handle, 0), "landlock_restrict_self")
            os.close(handle)
        _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(self._program), 0, 0), "seccomp")


def limit_resources(address_space_bytes: int, cpu_seconds: int) -> None:
    """Set the calling process's limits, soft and hard."""
    for kind, most in (
        (resource.RLIMIT_AS, address_space_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def drop_capabilities() -> None:
    """Give up every capability, so that a worker started by root is root in name only."""
    header = struct.pack("=Ii", 0x20080522, 0)
    _check(_libc.capset(header, struct.pack("=6I", 0, 0, 0, 0, 0, 0)), "capset")


def _check(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def _filter(machine: str, *, deny_signals: bool) -> bytes:
    if machine not in MACHINES:
        raise OSError(f"the sandbox knows {' and '.join(MACHINES)}, not {machine}")
    column, architecture = MACHINES[machine]
    numbers = {name: row[column] for name, row in SPECIAL.items()}
    denied = [row[column] for row in (DENIED | (SIGNALS if deny_signals else {})).values() if row[column] is not None]
    code = [
        _instruction(LOAD, ARCHITECTURE),
        _instruction(JUMP_EQUAL, architecture, 1, 0),
        _instruction(RETURN, KILL),
        _instruction(LOAD, NUMBER),
        _instruction(JUMP_GREATER_EQUAL, X32_BIT, 0, 1),
        _instruction(RETURN, KILL),
    ]
    for number in denied:
        code += [_instruction(JUMP_EQUAL, number or 0, 0, 1), _instruction(RETURN, EPERM)]
    code += [
        # glibc falls back from clone3, whose flags a filter cannot see, to clone
        _instruction(JUMP_EQUAL, numbers["clone3"] or 0, 0, 1),
        _instruction(RETURN, ENOSYS),
        _instruction(JUMP_EQUAL, numbers["clone"] or 0, 0, 4),
        _instruction(LOAD, FIRST_ARGUMENT),
        _instruction(JUMP_SET, CLONE_THREAD, 1, 0),
        _instruction(RETURN, EPERM),
        _instruction(RETURN, ALLOW),
        # prlimit64 on the process itself only reads, or lowers, what it has
        _instruction(JUMP_EQUAL, numbers["prlimit64"] or 0, 0, 3),
        _instruction(LOAD, FIRST_ARGUMENT),
        _instruction(JUMP_EQUAL, 0, 1, 0),
        _instruction(RETURN, EPERM),
        _instruction(RETURN, ALLOW),
    ]
    return b"".join(code)


def _instruction(operation: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, operand)
