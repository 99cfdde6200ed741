"""What the worker gives up, and what each run gives up on top of it, before it executes the problem's program.

The worker stands in a Landlock domain (see ``sandbox``) that lets it read the interpreter and write nothing. When
it has imported what it needs, and before it has seen a program, it loses what neither it nor a run needs: its
capabilities, the network, other programs, and the system calls through which others have broken out. A run loses what
could touch the worker or another run:

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
from typing import Any

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

Rules = dict[str, tuple[tuple[int, int], int, int, tuple[int, ...]]]

# name: number on x86-64, number on 64-bit Arm (None: there is no such call)
DENIED_TO_ALL = {
    # other programs, the network, memory that limits do not count
    "execve": (59, 221),
    "execveat": (322, 281),
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mq_timedsend": (242, 182),
    "mq_notify": (244, 184),
    # other processes
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # the kernel's less common doors, through which others have broken out
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "unshare": (272, 97),
    "setns": (308, 268),
    "personality": (135, 92),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "lookup_dcookie": (212, 18),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "vmsplice": (278, 75),
    "modify_ldt": (154, None),
    "ioperm": (173, None),
    "iopl": (172, None),
    # what only an administrator may do, who a worker may be by name
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "nfsservctl": (180, 42),
    "settimeofday": (164, 170),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    # Landlock knows no right to these, and a file's owner may do them all.
    "truncate": (76, 45),  # it does from Linux 6.2 on
    "sync": (162, 81),
    "syncfs": (306, 267),
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
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}
NEWER_CALLS = 463  # and up, on all machines: nobody has asked what they can do, and no program needs them
DENIED_TO_RUNS = {"fork": (57, None), "vfork": (58, None), "setrlimit": (160, 164)}
SIGNALS = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
# name: numbers as above; which argument; the test; values, one of which must pass it
ALLOWED_TO_ALL: Rules = {
    # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: what Python asks of descriptors, and nothing of a disk
    "ioctl": ((16, 29), 1, JUMP_EQUAL, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
}
ALLOWED_TO_RUNS: Rules = {
    "clone": ((56, 220), 0, JUMP_SET, (CLONE_THREAD,)),
    "prlimit64": ((302, 261), 0, JUMP_EQUAL, (0,)),  # on the process itself it only reads, or lowers, what it has
}
# likewise; values, none of which may pass it
NOT_ALLOWED_TO_ALL: Rules = {
    "fcntl": ((72, 25), 1, JUMP_EQUAL, (8, 15)),  # F_SETOWN, F_SETOWN_EX: whom to signal
    "socketpair": ((53, 199), 1, JUMP_SET, (0xE,)),  # any type but SOCK_STREAM: those could send anywhere
}
NOT_ALLOWED_TO_RUNS: Rules = {"prctl": ((157, 167), 0, JUMP_EQUAL, (PR_SET_PDEATHSIG,))}
CLONE3 = 435
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_libc = ctypes.CDLL(None, use_errno=True)
# The C library's fork, for a process with one thread: Python's own spends a third of a run on readying locks and random
# numbers for threads that are not there.
fork = ctypes.PyDLL(None).fork


class _Filter(ctypes.Structure):
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
        ruleset = _Ruleset(LANDLOCK_MAKE_AND_REMOVE, 0, LANDLOCK_SCOPES if scoped else 0)
        self._domain = _libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
        _check(self._domain, "landlock_create_ruleset")
        denied = DENIED_TO_RUNS if scoped else DENIED_TO_RUNS | SIGNALS
        self._filter = _filter(denied, ALLOWED_TO_RUNS, NOT_ALLOWED_TO_RUNS)
        self._worker_pid = os.getpid()

    def apply(self) -> None:
        """Confine the calling process, a fork of the one that built this, for good.

        Raises:
            OSError: if the kernel refuses, or the worker is gone; the run must not go on then.
        """
        die_with(self._worker_pid)
        _check(_libc.syscall(LANDLOCK_RESTRICT_SELF, self._domain, 0), "landlock_restrict_self")
        os.close(self._domain)  # whoever holds it could add rules to the domain of the next run
        _set_filter(self._filter)


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
    _set_filter(_filter(DENIED_TO_ALL, ALLOWED_TO_ALL, NOT_ALLOWED_TO_ALL, newer=NEWER_CALLS))


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


def _filter(denied: dict[str, tuple[int, int | None]], allowed_only: Rules, not_allowed: Rules, newer: int = 0) -> Any:
    """Build a filter that refuses some calls, some by their arguments, and all from the number ``newer`` on."""
    machine = os.uname().machine
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
    if newer:
        code += [_instruction(JUMP_GREATER_EQUAL, newer, 0, 1), _instruction(RETURN, ENOSYS)]
    for row in denied.values():
        if (number := row[column]) is not None:
            code += [_instruction(JUMP_EQUAL, number, 0, 1), _instruction(RETURN, EPERM)]
    for rules, if_passed, otherwise in ((allowed_only, ALLOW, EPERM), (not_allowed, EPERM, ALLOW)):
        for numbers, argument, test, values in rules.values():
            code.append(_instruction(JUMP_EQUAL, numbers[column], 0, 3 + len(values)))
            code.append(_instruction(LOAD, FIRST_ARGUMENT + ARGUMENT_BYTES * argument))
            code += [_instruction(test, value, len(values) - place, 0) for place, value in enumerate(values)]
            code += [_instruction(RETURN, otherwise), _instruction(RETURN, if_passed)]
    code.append(_instruction(RETURN, ALLOW))
    return _Filter(len(code), b"".join(code))


def _set_filter(program: Any) -> None:
    _check(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0), "seccomp")


def _instruction(operation: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, operand)
