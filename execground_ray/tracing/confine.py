"""What one run loses, on top of the worker's cage, before it executes the problem's program.

All runs of a worker share its cage (see ``sandbox``). So that a run cannot touch the worker or another run either:

- a Landlock domain of its own: no ptrace reaches a process outside the run, nothing can be made or removed; on Linux
  6.12+ no signal and no abstract socket either (on older kernels the system-call filter refuses every signal instead);
- a seccomp filter: no new process (threads are allowed), no other program, no socket but connected pairs, no change of
  a file's mode, owner, times or attributes, no change of another process's limits, priority or CPUs, no memory that
  the limits do not count;
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

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 1, 22, 38, 2
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
LANDLOCK_SCOPE_ABI = 6
LANDLOCK_SCOPES = 3  # abstract unix sockets and signals
LANDLOCK_MAKE_AND_REMOVE = 0x1FF0  # files, folders, links, sockets, pipes and devices
OPEN_FILES = 64

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x00050001, 0x00050000 | 38
CLONE_THREAD = 0x00010000
LOAD, JUMP_EQUAL, JUMP_SET, JUMP_GREATER_EQUAL, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, ARGUMENT_BYTES = 0, 4, 16, 8  # in struct seccomp_data, little-endian
X32_BIT = 0x40000000

# name: number on x86-64, number on 64-bit Arm (None: there is no such call)
DENIED = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "setrlimit": (160, 164),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "sync": (162, 81),
    "syncfs": (306, 267),
    # Landlock knows no right to these, and a file's owner may do them all.
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
SIGNALS = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
# name: numbers as above; which argument; the test; values, one of which must pass it
ALLOWED_ONLY = {
    "clone": ((56, 220), 0, JUMP_SET, (CLONE_THREAD,)),
    "prlimit64": ((302, 261), 0, JUMP_EQUAL, (0,)),  # on the process itself it only reads, or lowers, what it has
    # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: what Python asks of descriptors, and nothing of a disk
    "ioctl": ((16, 29), 1, JUMP_EQUAL, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
}
# likewise; values, none of which may pass it
NOT_ALLOWED = {
    "fcntl": ((72, 25), 1, JUMP_EQUAL, (8, 15)),  # F_SETOWN, F_SETOWN_EX: whom to signal
    "socketpair": ((53, 199), 1, JUMP_SET, (0xE,)),  # any type but SOCK_STREAM: those could send anywhere
    "prctl": ((157, 167), 0, JUMP_EQUAL, (PR_SET_PDEATHSIG,)),
}
CLONE3 = 435
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_libc = ctypes.CDLL(None, use_errno=True)
# The C library's fork, for a process with one thread: Python's own spends a third of a run on readying locks and random
# numbers for threads that are not there.
fork = ctypes.PyDLL(None).fork


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


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
        _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")  # forks inherit it
        ruleset = _Ruleset(LANDLOCK_MAKE_AND_REMOVE, 0, LANDLOCK_SCOPES if scoped else 0)
        self._domain = _libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
        _check(self._domain, "landlock_create_ruleset")
        code = _filter(os.uname().machine, deny_signals=not scoped)
        self._program = _Program(len(code) // 8, code)
        self._filter = ctypes.byref(self._program)
        self._worker_pid = os.getpid()

    def apply(self) -> None:
        """Confine the calling process, a fork of the one that built this, for good.

        Raises:
            OSError: if the kernel refuses, or the worker is gone; the run must not go on then.
        """
        _check(_libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "pdeathsig")
        if os.getppid() != self._worker_pid:
            raise OSError("the worker is gone")
        _check(_libc.syscall(LANDLOCK_RESTRICT_SELF, self._domain, 0), "landlock_restrict_self")
        os.close(self._domain)  # whoever holds it could add rules to the domain of the next run
        _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, self._filter, 0, 0), "seccomp")


def limit_resources(address_space_bytes: int) -> None:
    """Set limits, soft and hard, for the calling process and each of its forks."""
    for kind, most in (
        (resource.RLIMIT_AS, address_space_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def limit_cpu(seconds: int) -> None:
    """Limit the CPU time of the calling process, all its threads together."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))  # a signal, and then one that cannot be ignored


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
    code = [
        _instruction(LOAD, ARCHITECTURE),
        _instruction(JUMP_EQUAL, architecture, 1, 0),
        _instruction(RETURN, KILL),
        _instruction(LOAD, NUMBER),
        _instruction(JUMP_GREATER_EQUAL, X32_BIT, 0, 1),
        _instruction(RETURN, KILL),
        # glibc falls back from clone3, whose flags a filter cannot see, to clone
        _instruction(JUMP_EQUAL, CLONE3, 0, 1),
        _instruction(RETURN, ENOSYS),
    ]
    for row in (DENIED | (SIGNALS if deny_signals else {})).values():
        if (number := row[column]) is not None:
            code += [_instruction(JUMP_EQUAL, number, 0, 1), _instruction(RETURN, EPERM)]
    for rules, if_passed, otherwise in ((ALLOWED_ONLY, ALLOW, EPERM), (NOT_ALLOWED, EPERM, ALLOW)):
        for numbers, argument, test, values in rules.values():
            code.append(_instruction(JUMP_EQUAL, numbers[column], 0, 3 + len(values)))
            code.append(_instruction(LOAD, FIRST_ARGUMENT + ARGUMENT_BYTES * argument))
            code += [_instruction(test, value, len(values) - place, 0) for place, value in enumerate(values)]
            code += [_instruction(RETURN, otherwise), _instruction(RETURN, if_passed)]
    code.append(_instruction(RETURN, ALLOW))
    return b"".join(code)


def _instruction(operation: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, operand)
