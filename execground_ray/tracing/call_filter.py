"""System-call filters (seccomp): a policy becomes a program that the kernel runs before every call.

Linux on x86-64 and 64-bit Arm.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from typing import Any

from execground_ray.tracing.system_calls import Policy, Rule

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, AND, JUMP_EQUAL, JUMP_SET, JUMP_GREATER_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, ARGUMENT_BYTES = 0, 4, 16, 8  # in struct seccomp_data, little-endian
X32_BIT = 0x40000000
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of the tables, as the kernel names it

_libc = ctypes.CDLL(None, use_errno=True)


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def compiled(
    policy: Policy, machine: str | None = None, *, refused: int = errno.EPERM, absent: int = errno.ENOSYS
) -> list[bytes]:
    """Return the instructions of a policy's filter.

    Args:
        policy: which calls are refused.
        machine: as ``os.uname`` names it; None for this one.
        refused: the error of a call that is refused.
        absent: the error of one that is said not to be there.

    Raises:
        OSError: if the machine is of another kind.
    """
    machine = machine or os.uname().machine
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
    ]
    if policy.newer:
        code += [_instruction(JUMP_GREATER_EQUAL, policy.newer, 0, 1), _instruction(RETURN, ERROR | absent)]
    for calls, error in ((policy.absent, absent), (policy.denied, refused)):
        for numbers in calls.values():
            if (number := numbers[column]) is not None:
                code += [_instruction(JUMP_EQUAL, number, 0, 1), _instruction(RETURN, ERROR | error)]
    for rule in policy.allowed_only.values():
        code += _look(rule, column, ALLOW, ERROR | refused)
    for rule in policy.not_allowed.values():
        code += _look(rule, column, ERROR | refused, ALLOW)
    return [*code, _instruction(RETURN, ALLOW)]


def prepared(instructions: list[bytes]) -> Any:
    """Return a filter in the form that the kernel takes."""
    return _Filter(len(instructions), b"".join(instructions))


def install(program: Any) -> None:
    """Put the calling thread, and all that comes of it, behind a filter that was ``prepared``, for good.

    Raises:
        OSError: if the kernel refuses.
    """
    if _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")


def _look(rule: Rule, column: int, if_it_holds: int, otherwise: int) -> Iterator[bytes]:
    """Yield the instructions for one rule, which every other call skips."""
    if (number := rule.numbers[column]) is None:
        return
    yield _instruction(JUMP_EQUAL, number, 0, 4 + len(rule.values))
    yield _instruction(LOAD, FIRST_ARGUMENT + ARGUMENT_BYTES * rule.argument)
    yield _instruction(AND, rule.mask)
    for left, value in zip(range(len(rule.values), 0, -1), rule.values, strict=True):
        yield _instruction(JUMP_SET if rule.any_bit else JUMP_EQUAL, value, left, 0)
    yield _instruction(RETURN, otherwise)
    yield _instruction(RETURN, if_it_holds)


def _instruction(operation: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, operand)
