"""Prefilter: rows of problems go in, the same rows come out, those that can never be used marked as rejected.

A problem is judged by its text alone, nothing of it is run. Of one that stays, the new column ``pairs`` tells which of
its input/output pairs do: JSON text of their indices in ``ios``, ``"[0, 1, 3]"``; of a rejected row it is ``"[]"``.

The rules are those of the paper's own filter (Jung, Zhou and Chen, arXiv 2506.10343), and its limits on the size of an
input are CodeI/O's (arXiv 2502.07316, appendix A). Added here: code that does not compile or lacks the function, and
the imports of ``random`` are found in the syntax tree, in every spelling, where the paper looks for substrings; and
leaks of benchmarks (``corpus/contamination.py``).
"""

from __future__ import annotations

import ast
import dis
import json
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import ray

from execground_ray.corpus.contamination import Benchmarks
from execground_ray.records import Pair, Problem, Reason, Row, Stage, map_rows, reject
from execground_ray.tracing.values import to_json

MAX_DEEP_BYTES = 1024  # each limit is the first size that is too large
MAX_ITEMS = 20
MAX_CHARS = 100
MAX_SCALAR_BYTES = 128

RANDOM_MODULES = ("random", "numpy.random")


def filter_rows(batch: pa.Table, benchmarks: ray.ObjectRef[Benchmarks] | Benchmarks | None = None) -> pa.Table:
    """Judge a batch of rows; rows that are rejected already pass untouched.

    Args:
        batch: of rows.
        benchmarks: what no problem may hold, in the object store or at hand; None for nothing.
    """
    held = ray.get(benchmarks) if isinstance(benchmarks, ray.ObjectRef) else benchmarks
    return map_rows(Stage.PREFILTER, batch, partial(_filter_row, benchmarks=held))


def filter_problem(problem: Problem) -> list[int] | tuple[Reason, str]:
    """Return the indices of the pairs that stay, or why the problem does not, with a detail in words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the program: invalid escapes, "is" with a literal
            tree = ast.parse(problem.refcode)
            code = compile(tree, "<refcode>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return Reason.SYNTAX_ERROR, f"{type(error).__name__}: {error}"
    spelling = next(_random_imports(tree), None)
    if spelling:
        return Reason.RANDOM_IMPORT, spelling
    if not any(
        step.opname in ("STORE_NAME", "STORE_GLOBAL") and step.argval == problem.funcname for step in dis.Bytecode(code)
    ):
        return Reason.FUNCTION_MISSING, f"the code does not define {problem.funcname!a}"
    if not problem.ios:
        return Reason.NO_PAIRS, "no input/output pairs"
    distinct = _distinct_inputs(problem.ios)
    pairs = [index for index in distinct if is_small(problem.ios[index].input)]
    return pairs or (Reason.OVERSIZED_INPUT, f"all of {len(distinct)} distinct inputs are too large")


def is_small(value: Any) -> bool:
    """Whether a JSON value keeps within CodeI/O's limits.

    Containers hold fewer than 20 items, strings fewer than 100 characters, other scalars take less than 128 bytes, and
    all together less than 1,024 bytes, as ``pympler.asizeof`` counts them: the size of every object that can be
    reached, in units of 8 bytes, objects that occur twice counted once. What is inside a value is never larger than
    the value, so that the total need be compared once only.
    """
    seen: dict[int, int] = {}
    waiting = [value]
    while waiting:
        item = waiting.pop()
        size = sys.getsizeof(item) + 7 & ~7
        if isinstance(item, dict | list | tuple | set | frozenset):
            if len(item) >= MAX_ITEMS:
                return False
            waiting.extend(item)
            waiting.extend(item.values() if isinstance(item, dict) else ())
        elif len(item) >= MAX_CHARS if isinstance(item, str) else size >= MAX_SCALAR_BYTES:
            return False
        seen[id(item)] = size
    return sum(seen.values()) < MAX_DEEP_BYTES


def _filter_row(row: Row, benchmarks: Benchmarks | None) -> Row:
    problem = Problem.from_json(row["problem"])
    verdict = filter_problem(problem)
    if not isinstance(verdict, list):
        return reject(row, *verdict)
    if benchmarks is not None and (leak := benchmarks.leak_in(problem)):
        return reject(row, Reason.CONTAMINATED, leak)
    return row | {"pairs": json.dumps(verdict)}


def _distinct_inputs(pairs: tuple[Pair, ...]) -> list[int]:
    """The index of each pair whose input did not occur before; the order of arguments does not matter."""
    first: dict[str, int] = {}
    for index, pair in enumerate(pairs):
        text = json.dumps(json.loads(to_json(pair.input, exact=True)), sort_keys=True)
        first.setdefault(text, index)
    return list(first.values())


def _random_imports(tree: ast.Module) -> Iterator[str]:
    """Yield every import of ``random`` or ``numpy.random``, as text with its line.

    Use of ``np.random`` without an import is left to the trace stage, which finds out whether the output depends on it.
    """
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            modules = [str(node.args[0].value)] if called in ("__import__", "import_module") else []
        if any(module == name or module.startswith(f"{name}.") for module in modules for name in RANDOM_MODULES):
            yield f"line {getattr(node, 'lineno', 0)}: {ast.unparse(node)[:MAX_CHARS]}"
