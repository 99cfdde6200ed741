"""The baseline of ``benchmarks.tracing``: traces as the reference implementation makes them (arXiv 2506.10343).

A problem and its pairs go in; for each pair a file is written and run by a fresh interpreter under real snoop, without
a cage, and what it wrote to stderr comes out. Only the arguments differ: they are passed as values here, where the
reference pastes them into the source. pandas is hidden from snoop, as it is in our worker: where it is installed,
importing it would cost every run a second more.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from execground_ray.records import Problem
from execground_ray.tracing.program import DEFINITION

RETURNED = "<<< Return value from main_solution:"
PROGRAM = """\
import sys, sysconfig
sys.modules["pandas"] = None
import snoop as snoop_package
from snoop.formatting import DefaultFormatter
del sys.modules["pandas"]
class WithoutFileName(DefaultFormatter):
    def format_start(self, event):
        return [line.partition(" in File ")[0] for line in super().format_start(event)]
snoop_package.tracer.internal_directories += (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
snoop_package.install(columns="", replace_watch_extras=(), formatter_class=WithoutFileName)
{refcode}
if __name__ == "__main__":
    import json
    main_solution(**json.loads({arguments!r}))
"""


def trace_in_fresh_interpreters(
    problem: Problem, pairs: list[int], timeout_seconds: float, hash_seed: int
) -> Iterator[tuple[int, float, str]]:
    """Trace every pair to its end; yield the pair, its wall time in seconds, and the text, empty after a timeout."""
    depth = max(1, len(DEFINITION.findall(problem.refcode)))
    refcode = re.sub(r"(?m)^def main_solution\b", f"@snoop(depth={depth})\n\\g<0>", problem.refcode)
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": str(hash_seed)}
    with tempfile.TemporaryDirectory() as folder:
        for pair in pairs:
            path = Path(folder, f"main_{pair}.py")
            arguments = json.dumps(problem.ios[pair].input)
            path.write_text(PROGRAM.format(refcode=refcode, arguments=arguments), "utf-8")
            started = time.perf_counter()
            text = _run_file(path, environment, timeout_seconds)
            yield pair, time.perf_counter() - started, text


def is_accepted(text: str, max_lines: int) -> bool:
    """The reference's filter of traces."""
    lines = text.rstrip("\n").split("\n")
    return lines[-1].strip().startswith(RETURNED) and "!!!" not in text and len(lines) < max_lines


def _run_file(path: Path, environment: dict[str, str], timeout_seconds: float) -> str:
    with subprocess.Popen(
        [sys.executable, path.name],
        cwd=path.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            return process.communicate(timeout=timeout_seconds)[1].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            process.kill()
            return ""
