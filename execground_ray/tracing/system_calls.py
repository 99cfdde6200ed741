"""Which system calls the worker and its runs may not make: the tables that ``call_filter`` makes filters of.

They say what is refused and let pass the rest. A list of what is allowed would be the safer form if the programs were
ours; but what a program calls is its interpreter's, its C library's and its packages' affair (numpy asks for the CPUs,
one allocator for other memory calls than the next), and one that is missing from such a list rejects rows on some
machines alone. What no one has thought about is refused by its number instead: see ``NEWER_CALLS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

CLONE_THREAD = 0x00010000
PR_SET_PDEATHSIG = 1
O_ACCMODE, O_TRUNC = 0x3, 0x200

Numbers = tuple[int, int | None]  # on x86-64, on 64-bit Arm (None: there is no such call)


class Rule(NamedTuple):
    """A look at one argument of a call.

    Attributes:
        numbers: of the call.
        argument: which one, counted from 0; only its lower 32 bits are seen.
        values: of which one must be equal to it, or have a bit in common.
        any_bit: whether a bit in common is enough.
        mask: the bits of the argument that are looked at.
    """

    numbers: Numbers
    argument: int
    values: tuple[int, ...]
    any_bit: bool = False
    mask: int = 0xFFFFFFFF


class Policy(NamedTuple):
    """What a filter does; each table has the names of calls for keys.

    Attributes:
        denied: calls that are refused.
        absent: calls that this kernel is said not to have, so that the C library goes back to older ones.
        allowed_only: calls that are refused unless their rule holds.
        not_allowed: calls that are refused if their rule holds.
        newer: calls from this number on are said to be absent, too; 0 for none.
    """

    denied: Mapping[str, Numbers]
    absent: Mapping[str, Numbers]
    allowed_only: Mapping[str, Rule]
    not_allowed: Mapping[str, Rule]
    newer: int = 0


DENIED_TO_ALL: dict[str, Numbers] = {
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
    # What would empty a file: Landlock knows a right to that from Linux 6.2 on. See also ``NOT_ALLOWED_TO_ALL``.
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "creat": (85, None),
    # Landlock knows no right to these, and a file's owner may do them all.
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
# Their flags are in memory, where a filter cannot see them, and the program could change them after it had looked.
CLONE3: dict[str, Numbers] = {"clone3": (435, 435)}
OPENAT2: dict[str, Numbers] = {"openat2": (437, 437)}
DENIED_TO_RUNS: dict[str, Numbers] = {"fork": (57, None), "vfork": (58, None), "setrlimit": (160, 164)}
SIGNALS: dict[str, Numbers] = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
ALLOWED_TO_ALL = {
    # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX: what Python asks of descriptors, and nothing of a disk
    "ioctl": Rule((16, 29), 1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
}
ALLOWED_TO_RUNS = {
    "clone": Rule((56, 220), 0, (CLONE_THREAD,), any_bit=True),
    "prlimit64": Rule((302, 261), 0, (0,)),  # on the process itself it only reads, or lowers, what it has
}
# To empty a file by opening it to read takes the right to write, by its mode, but none of Landlock's before Linux 6.2;
# an access mode of 3 (neither to read nor to write, for ioctl alone) it lets pass anywhere, on any kernel. What opens a
# file to write is left to Landlock, which knows that right from the first and, unlike a filter, the null device.
EMPTYING = (O_TRUNC, O_ACCMODE, O_TRUNC | O_ACCMODE)
NOT_ALLOWED_TO_ALL = {
    "open": Rule((2, None), 1, EMPTYING, mask=O_TRUNC | O_ACCMODE),
    "openat": Rule((257, 56), 2, EMPTYING, mask=O_TRUNC | O_ACCMODE),
    "fcntl": Rule((72, 25), 1, (8, 15)),  # F_SETOWN, F_SETOWN_EX: whom to signal
    "socketpair": Rule((53, 199), 1, (0xE,), any_bit=True),  # any type but SOCK_STREAM: those could send anywhere
}
NOT_ALLOWED_TO_RUNS = {"prctl": Rule((157, 167), 0, (PR_SET_PDEATHSIG,))}

FOR_ALL = Policy(DENIED_TO_ALL, CLONE3 | OPENAT2, ALLOWED_TO_ALL, NOT_ALLOWED_TO_ALL, NEWER_CALLS)
FOR_RUNS = Policy(DENIED_TO_RUNS, CLONE3, ALLOWED_TO_RUNS, NOT_ALLOWED_TO_RUNS)
FOR_RUNS_WITHOUT_SCOPES = FOR_RUNS._replace(denied=DENIED_TO_RUNS | SIGNALS)  # where Landlock refuses no signal
