"""The system-call filters, alone: each of their entries is needed, and does what it is there for."""

import ctypes
import errno
import mmap
import os
import signal
from collections.abc import Callable

import pytest
from filtered_calls import (
    CALLS,
    MACHINES,
    POLICIES,
    Call,
    asked_of_the_emulator,
    asked_of_the_kernel,
    calls_of,
    emulated,
    filter_alone,
    libc,
    mutants,
)

from execground_ray.tracing import call_filter
from execground_ray.tracing.system_calls import FOR_ALL, FOR_RUNS, FOR_RUNS_WITHOUT_SCOPES, Policy

HERE = os.uname().machine
MUTANTS = [(policy, *mutant) for policy, of in POLICIES.items() for mutant in mutants(of)]
# mov eax, 20 (getpid in the table of 32-bit programs); int 0x80; ret
CALL_AS_32_BIT_PROGRAM = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"
X32_GETPID = 0x40000000 + 39


def made_here(calls: list[Call]) -> list[Call]:
    return [call for call in calls if call.number(HERE) is not None]


@pytest.mark.parametrize("call", made_here(CALLS), ids=str)
def test_call_gets_the_filters_own_answer(call: Call) -> None:
    assert asked_of_the_kernel(POLICIES[call.policy], call) == call.says


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_on_both_machines(machine: str) -> None:
    for policy, of in POLICIES.items():
        for call in CALLS:
            if call in calls_of(policy, call.name) and call.number(machine) is not None:
                assert asked_of_the_emulator(of, call, machine) == call.says, (policy, str(call))


@pytest.mark.parametrize(("policy", "what", "name", "mutant"), MUTANTS, ids=[f"{m[0]} {m[1]}" for m in MUTANTS])
def test_filter_that_lacks_an_entry_is_noticed(policy: str, what: str, name: str, mutant: Policy) -> None:
    """By the first test, which asks the kernel, here; on the other machine by the second."""
    calls = calls_of(policy, name)
    assert calls, f"no row of the table is about {what}"
    for machine in MACHINES:
        there = [call for call in calls if call.number(machine) is not None]
        assert not there or any(asked_of_the_emulator(mutant, call, machine) != call.says for call in there)
    if here := made_here(calls):
        assert any(asked_of_the_kernel(mutant, call) != call.says for call in here)


def test_every_row_is_about_an_entry() -> None:
    """Also the other way round: what leaves the filters leaves the table, and is seen to."""
    entries = {(policy, name) for policy, _, name, _ in MUTANTS}
    assert {(call.policy, call.name) for call in CALLS} <= entries


@pytest.mark.parametrize("policy", [FOR_ALL, FOR_RUNS, FOR_RUNS_WITHOUT_SCOPES], ids=POLICIES)
@pytest.mark.parametrize("machine", MACHINES)
def test_other_kinds_of_calls_kill(policy: Policy, machine: str) -> None:
    code = call_filter.compiled(policy, machine)
    native, other = (call_filter.MACHINES[name][1] for name in (machine, *(set(MACHINES) - {machine})))
    for number, architecture, verdict in [
        (0, native, call_filter.ALLOW),
        (0, other, call_filter.KILL),
        (X32_GETPID, native, call_filter.KILL),
    ]:
        data = number.to_bytes(4, "little") + architecture.to_bytes(4, "little") + bytes(56)
        assert emulated(code, data) == verdict


def ending(action: Callable[[], object], instructions: list[bytes] | None) -> int:
    """How a process ends that does something behind a filter, or none: its exit code, or minus its signal."""
    pid = os.fork()
    if pid == 0:
        try:
            if instructions is not None:
                filter_alone(instructions)
            os._exit(0 if action() else 1)
        except OSError as error:
            os._exit(error.errno or 255)
        finally:
            os._exit(254)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def call_as_32_bit_program() -> int:
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(CALL_AS_32_BIT_PROGRAM)
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()


@pytest.mark.skipif(HERE != "x86_64", reason="only there have programs two other tables of calls")
@pytest.mark.parametrize("policy", [FOR_ALL, FOR_RUNS], ids=["all", "runs"])
@pytest.mark.parametrize(
    "action", [call_as_32_bit_program, lambda: libc.syscall(X32_GETPID)], ids=["32 bits", "32-bit pointers"]
)
def test_kernel_kills_for_other_kinds_of_calls(policy: Policy, action: Callable[[], object]) -> None:
    if ending(action, None) != 0:
        pytest.skip("this kernel has no such calls")
    assert ending(action, call_filter.compiled(policy)) == -signal.SIGSYS


@pytest.mark.parametrize(
    ("number", "error"), [("execve", errno.EPERM), ("openat2", errno.ENOSYS), ("newer", errno.ENOSYS)]
)
def test_errors_are_those_that_programs_know(number: str, error: int) -> None:
    call = calls_of("all", number)[-1]

    def make() -> object:
        if libc.syscall(call.number(HERE), *map(ctypes.c_long, call.arguments)) == -1:
            raise OSError(ctypes.get_errno(), "refused")
        return True

    assert ending(make, call_filter.compiled(FOR_ALL)) == error


def test_machine_of_another_kind_is_refused() -> None:
    with pytest.raises(OSError, match="x86_64 and aarch64, not riscv64"):
        call_filter.compiled(FOR_ALL, "riscv64")
