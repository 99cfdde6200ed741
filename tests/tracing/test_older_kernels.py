"""Landlock before Linux 6.2 knows no right to empty a file: there the system-call filter has to keep files whole.

Such a kernel is this one with a ruleset that asks for no more than the first version of Landlock knows.
"""

import ctypes
import os
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filtered_calls import filter_alone, libc
from hostile_programs import PRELUDE, PROGRAMS, RETURN_RESULT, HostileProgram, as_problem
from older_kernel import be_older_kernel

from execground_ray.config.loading import load
from execground_ray.tracing import call_filter, sandbox
from execground_ray.tracing.system_calls import FOR_ALL
from execground_ray.tracing.trace_runner import Failure, TraceRunner

# There no filter can tell a program's signal to itself from one to others: all are refused.
TWINS = [program for program in PROGRAMS if program.is_twin and program.name != "own_signal_twin"]
CONTENT = "what may be read"
CREATE_RULESET, ADD_RULE, RESTRICT_SELF, PATH_BENEATH = 444, 445, 446, 1
RIGHTS_OF_ABI_1, RIGHTS_TO_READ = 0x1FFF, 0b1101  # run, read a file, list a folder
X86_64 = os.uname().machine == "x86_64"
FTRUNCATE, OPEN, OPENAT, CREAT, FALLOCATE = (77, 2, 257, 85, 285) if X86_64 else (46, None, 56, None, 47)
OPENAT2, AT_FDCWD, FOR_IOCTL = 437, -100, 3


def by_openat2(path: str, flags: int) -> int:
    how = struct.pack("=QQQ", flags, 0, 0)
    return int(libc.syscall(OPENAT2, AT_FDCWD, path.encode(), how, len(how)))


def by_number(number: int, *before: int, path: str, flags: int) -> int:
    return int(libc.syscall(number, *before, path.encode(), flags, 0o600))


def by_descriptor(number: int, *arguments: int, path: str) -> None:
    libc.syscall(number, os.open(path, os.O_RDONLY), *map(ctypes.c_long, arguments))


TO_EMPTY = {
    "read": lambda path: os.open(path, os.O_RDONLY | os.O_TRUNC),
    "neither": lambda path: os.open(path, FOR_IOCTL | os.O_TRUNC),
    "openat": lambda path: by_number(OPENAT, AT_FDCWD, path=path, flags=os.O_RDONLY | os.O_TRUNC),
    "openat2": lambda path: by_openat2(path, os.O_RDONLY | os.O_TRUNC),
    "openat2 neither": lambda path: by_openat2(path, FOR_IOCTL | os.O_TRUNC),
    "truncate": lambda path: os.truncate(path, 0),
}
if X86_64:
    TO_EMPTY["open"] = lambda path: by_number(OPEN, path=path, flags=os.O_RDONLY | os.O_TRUNC)
# Landlock has refused these from the first.
TO_WRITE = {
    "write": lambda path: os.open(path, os.O_WRONLY | os.O_TRUNC),
    "read and write": lambda path: os.open(path, os.O_RDWR | os.O_TRUNC),
    "openat2 write": lambda path: by_openat2(path, os.O_WRONLY | os.O_TRUNC),
    "ftruncate": partial(by_descriptor, FTRUNCATE, 0),
    "fallocate": partial(by_descriptor, FALLOCATE, 3, 0, len(CONTENT)),  # punch a hole
}
if X86_64:
    TO_WRITE["creat"] = lambda path: by_number(CREAT, path=path, flags=0o600)


def landlock_of_version_1(readable: Path) -> None:
    rights = struct.pack("=Q", RIGHTS_OF_ABI_1)
    ruleset = libc.syscall(CREATE_RULESET, rights, len(rights), 0)
    rule = struct.pack("=Qi", RIGHTS_TO_READ, os.open(readable, os.O_PATH))
    assert ruleset >= 0 and libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0) == 0
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.syscall(RESTRICT_SELF, ruleset, 0) == 0


def try_it(way: Any, path: Path, *, landlock: bool, filtered: bool) -> str:
    """Do something to a file in a process that is confined so far; return what the file holds then."""
    path.write_text(CONTENT)
    pid = os.fork()
    if pid == 0:
        try:
            if landlock:
                landlock_of_version_1(path.parent)
            if filtered:
                filter_alone(call_filter.compiled(FOR_ALL))
            os.read(os.open(path, os.O_RDONLY), 1)  # it may be read
        except BaseException:
            os._exit(1)
        try:
            way(str(path))
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    return path.read_text()


@pytest.mark.parametrize("way", TO_EMPTY)
def test_landlock_alone_would_let_files_be_emptied(way: str, tmp_path: Path) -> None:
    assert try_it(TO_EMPTY[way], tmp_path / "file", landlock=True, filtered=False) == ""


@pytest.mark.parametrize("landlock", [True, False], ids=["older Landlock", "no Landlock"])
@pytest.mark.parametrize("way", TO_EMPTY)
def test_filter_lets_no_file_be_emptied(way: str, landlock: bool, tmp_path: Path) -> None:
    assert try_it(TO_EMPTY[way], tmp_path / "file", landlock=landlock, filtered=True) == CONTENT


@pytest.mark.parametrize("filtered", [True, False], ids=["filter", "no filter"])
@pytest.mark.parametrize("way", TO_WRITE)
def test_older_landlock_refuses_to_open_for_writing(way: str, filtered: bool, tmp_path: Path) -> None:
    assert try_it(TO_WRITE[way], tmp_path / "file", landlock=True, filtered=filtered) == CONTENT


@pytest.fixture(scope="module")
def readable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readable") / "file"


@pytest.fixture(scope="module")
def runner(readable: Path) -> Iterator[TraceRunner]:
    """Whole cages on such a kernel, which let one file more be read."""
    paths = sandbox._readable_paths
    with pytest.MonkeyPatch.context() as patch:
        be_older_kernel(patch)
        patch.setattr(sandbox, "_readable_paths", lambda: [*paths(), str(readable.parent)])
        tracing = load(["tracing.timeout_s=20", "tracing.memory_mb=256", "tracing.preload=[]"]).tracing
        with TraceRunner(tracing, caged=True) as runner:
            yield runner


EMPTY = """
RESULT = [
    open(FILE).read(),
    attempt(os.open, FILE, os.O_RDONLY | os.O_TRUNC),
    attempt(os.open, FILE, 3 | os.O_TRUNC),
    attempt(open, FILE, "w"),
    attempt(os.truncate, FILE, 0),
    call(437, 437, -100, FILE.encode(), (0o1000).to_bytes(24, "little"), 24),
    call(85, None, FILE.encode(), 0o600),
    call(2, None, FILE.encode(), 0o1000),
]
"""


def test_program_on_an_older_kernel_empties_nothing(runner: TraceRunner, readable: Path) -> None:
    readable.write_text(CONTENT)
    code = f"{PRELUDE}\nFILE = {str(readable)!r}\n{EMPTY}{RETURN_RESULT}"
    found = runner.trace_problem(as_problem(code, {}, [CONTENT] + ["refused"] * 7), [0])
    assert not isinstance(found, Failure), found
    assert readable.read_text() == CONTENT


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_harmless_programs_run_on_an_older_kernel(twin: HostileProgram, runner: TraceRunner) -> None:
    found = runner.trace_problem(twin.problem({}), [0])
    assert not isinstance(found, Failure), found
