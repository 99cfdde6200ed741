"""What the system-call filters must say (``filtered_calls.txt``), and two ways of asking them: the kernel, an emulator.

Asked of the kernel, a filter stands alone: no Landlock, no limits, and the rights of whoever runs the tests. So that
its answer cannot be the kernel's own, it refuses with errors that no kernel has.
"""

import contextlib
import ctypes
import faulthandler
import os
import signal
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from execground_ray.tracing import call_filter, system_calls
from execground_ray.tracing.system_calls import Policy

TABLE = Path(__file__).with_name("filtered_calls.txt")
NEWER = "newer"  # the name of the rows about numbers, not calls
MACHINES = tuple(call_filter.MACHINES)
ARGUMENTS = 6
ERRORS = {"refused": 3001, "absent": 3002}
SAID = {error: what for what, error in ERRORS.items()}
EXIT_CODES = {"passed": 10, "refused": 11, "absent": 12}
PR_SET_NO_NEW_PRIVS = 38
POLICIES = {
    "all": system_calls.FOR_ALL,
    "runs": system_calls.FOR_RUNS,
    "older": system_calls.FOR_RUNS_WITHOUT_SCOPES,
}
libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Call:
    """A row of the table."""

    policy: str
    name: str
    numbers: tuple[int | None, ...]
    says: str
    arguments: tuple[int, ...]

    def __str__(self) -> str:
        return "-".join([self.policy, self.name, *map(hex, self.arguments[: 2 if self.name != "openat" else 3])])

    def number(self, machine: str) -> int | None:
        return self.numbers[MACHINES.index(machine)]


def read_calls() -> list[Call]:
    lines = TABLE.read_text("utf-8").splitlines()
    return [_read_call(line) for line in lines if line and not line.startswith("#")]


def _read_call(line: str) -> Call:
    policy, name, x86_64, aarch64, says, *arguments = line.split()
    numbers = tuple(None if number == "-" else int(number) for number in (x86_64, aarch64))
    values = [int(value, 0) for value in arguments]
    return Call(policy, name, numbers, says, tuple(values + [-1] * (ARGUMENTS - len(values))))


CALLS = read_calls()


def calls_of(policy: str, name: str) -> list[Call]:
    """The rows about a call that a filter must obey; the one for older kernels does all that the other one does."""
    policies = ("runs", "older") if policy == "older" else (policy,)
    return [call for call in CALLS if call.policy in policies and call.name == name]


def asked_of_the_kernel(policy: Policy, call: Call) -> str:
    """What a filter says to a call that a process makes; "killed" if that was its end."""
    pid = os.fork()
    if pid == 0:
        _make(policy, call)
    status = os.waitpid(pid, 0)[1]
    said = {code: what for what, code in EXIT_CODES.items()}
    return said.get(os.WEXITSTATUS(status), "broken") if os.WIFEXITED(status) else "killed"


def _make(policy: Policy, call: Call) -> None:
    """Be the child: nothing returns from here, nor does a child of it."""
    with contextlib.suppress(BaseException):
        os.setsid()  # away from the terminal
        signal.alarm(20)
        faulthandler.disable()  # whoever comes back from vfork has no stack left
        me = os.getpid()
        filter_alone(call_filter.compiled(policy, refused=ERRORS["refused"], absent=ERRORS["absent"]))
        result = libc.syscall(call.number(os.uname().machine), *map(ctypes.c_long, call.arguments))
        error = ctypes.get_errno() if result == -1 else 0
        if os.getpid() != me:
            os._exit(0)
        os._exit(EXIT_CODES[SAID.get(error, "passed")])
    os._exit(1)


def filter_alone(instructions: list[bytes]) -> None:
    """Put this process behind a filter and nothing else."""
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError("no_new_privs")
    call_filter.install(call_filter.prepared(instructions))


def asked_of_the_emulator(policy: Policy, call: Call, machine: str) -> str:
    """What a filter says to a call on a machine that need not be this one."""
    code = call_filter.compiled(policy, machine, refused=ERRORS["refused"], absent=ERRORS["absent"])
    arguments = [value & (1 << 64) - 1 for value in call.arguments]
    data = struct.pack("<iIQ6Q", call.number(machine), call_filter.MACHINES[machine][1], 0, *arguments)
    verdict = emulated(code, data)
    if verdict == call_filter.ALLOW:
        return "passed"
    return SAID.get(verdict ^ call_filter.ERROR, hex(verdict))


def emulated(code: list[bytes], data: bytes) -> int:
    """Run a filter as the kernel does."""
    place, value = 0, 0
    while True:
        operation, if_true, if_false, operand = struct.unpack("=HBBI", code[place])
        place += 1
        if operation == call_filter.RETURN:
            return operand
        if operation == call_filter.LOAD:
            (value,) = struct.unpack_from("<I", data, operand)
        elif operation == call_filter.AND:
            value &= operand
        else:
            place += if_true if _jumps(operation, value, operand) else if_false


def _jumps(operation: int, value: int, operand: int) -> bool:
    tests = {
        call_filter.JUMP_EQUAL: value == operand,
        call_filter.JUMP_GREATER_EQUAL: value >= operand,
        call_filter.JUMP_SET: bool(value & operand),
    }
    return tests[operation]


def mutants(policy: Policy) -> Iterator[tuple[str, str, Policy]]:
    """Every policy that lacks one thing of this one: what is missing, the call that it is about, and the policy."""
    for table in ("denied", "absent", "allowed_only", "not_allowed"):
        entries = getattr(policy, table)
        for name, entry in entries.items():
            others = {other: entries[other] for other in entries if other != name}
            yield f"{table} {name}", name, policy._replace(**{table: others})
            for what, rule in _lesser_rules(entry) if table in ("allowed_only", "not_allowed") else ():
                yield f"{table} {name} {what}", name, policy._replace(**{table: others | {name: rule}})
    if policy.newer:
        for newer in (0, policy.newer + 1, policy.newer - 1):
            yield f"newer {newer}", NEWER, policy._replace(newer=newer)


def _lesser_rules(rule: system_calls.Rule) -> Iterator[tuple[str, system_calls.Rule]]:
    for value in rule.values:
        if len(rule.values) > 1:
            yield f"without {value:#x}", rule._replace(values=tuple(other for other in rule.values if other != value))
    if rule.mask != 0xFFFFFFFF:
        yield "unmasked", rule._replace(mask=0xFFFFFFFF)
