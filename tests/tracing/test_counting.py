"""The copy of a program that ticks: where the ticks stand, and that the program does not notice them.

That the count is never more than the lines of the trace is tested in ``test_tracer``, against snoop.
"""

import ast
import json
import textwrap

import pytest

from execground_ray.tracing.counting import CountingRunner, add_ticks
from execground_ray.tracing.program import RunLimits
from execground_ray.tracing.sandbox import CagedWorker

LIMITS = RunLimits(max_lines=300, result_bytes=10_000, timeout_seconds=5, memory_mb=256)


def ticking(source: str) -> str:
    tree = ast.parse(textwrap.dedent(source))
    add_ticks(tree)
    return ast.unparse(tree).replace("@tick = @enter()", "enter").replace("@tick()", "tick")


@pytest.mark.parametrize(
    ("source", "copy"),
    [
        ("x = 1\nprint(x)", "x = 1\nprint(x)"),
        ("def f():\n    return 1", "def f():\n    enter\n    tick\n    return 1"),
        ("def f(): return 1", "def f():\n    enter\n    return 1"),
        ("def f():\n    'Text.'\n    x = 1", 'def f():\n    """Text."""\n    enter\n    tick\n    x = 1'),
        ("def f():\n    x = 1; y = 2", "def f():\n    enter\n    tick\n    x = 1\n    y = 2"),
        ("def f():\n    g(1,\n      2); x = 1", "def f():\n    enter\n    tick\n    g(1, 2)\n    x = 1"),
        ("def f():\n    if x: y = 1", "def f():\n    enter\n    tick\n    if x:\n        y = 1"),
        ("def f():\n    if 0: y = 1", "def f():\n    enter\n    if 0:\n        y = 1"),
        (
            "def f():\n    if x:\n        pass\n    elif y:\n        z = 1\n    else:\n        z = 2",
            "def f():\n    enter\n    tick\n    if x:\n        pass\n    else:\n        tick\n        if y:\n"
            "            tick\n            z = 1\n        else:\n            tick\n            z = 2",
        ),
        (
            "def f():\n    for x in y:\n        g(x)\n    else:\n        z = 1",
            "def f():\n    enter\n    for x in y:\n        tick\n        tick\n        g(x)\n"
            "    else:\n        tick\n        z = 1",
        ),
        ("def f():\n    while x: g()", "def f():\n    enter\n    while x:\n        tick\n        g()"),
        ("def f():\n    while True:\n        g()", "def f():\n    enter\n    while True:\n        tick\n        g()"),
        (
            "def f():\n    try:\n        g()\n    except E:\n        x = 1\n    finally:\n        x = 2",
            "def f():\n    enter\n    try:\n        tick\n        g()\n    except E:\n        tick\n        x = 1\n"
            "    finally:\n        tick\n        x = 2",
        ),
        (
            "class C:\n    x = 1\n    def f(self):\n        self.x = 2",
            "class C:\n    x = 1\n\n    def f(self):\n        enter\n        tick\n        self.x = 2",
        ),
        (
            "def f():\n    match x:\n        case 1:\n            y = 1",
            "def f():\n    enter\n    tick\n    match x:\n        case 1:\n            tick\n            y = 1",
        ),
    ],
)
def test_where_ticks_stand(source: str, copy: str) -> None:
    assert ticking(source) == copy


@pytest.mark.parametrize("look", ["locals()", "vars()", "dir()", "__import__('sys')._getframe().f_locals"])
def test_program_that_looks_at_itself_is_not_changed(look: str) -> None:
    program = CountingRunner(LIMITS).prepare(f"def main_solution():\n    return sorted({look})\n", "main_solution")
    assert "@tick" not in program.targets[0].co_varnames


def test_program_deeper_than_its_tree_can_be_built_is_not_changed() -> None:
    chain = "".join(f"    elif n == {number}:\n        return {number}\n" for number in range(1000))
    source = f"def main_solution(n):\n    if n < 0:\n        return n\n{chain}"
    assert CountingRunner(LIMITS).prepare(source, "main_solution").funcname == "main_solution"


COUNTED = {
    "a loop": ("for i in range(n):\n        pass\n    return i", 400, "too_long"),
    "rounds on one line": ("while n: n -= 1\n    return n", 400, "too_long"),
    "recursion": ("return main_solution(n - 1) if n else 0", 80, "too_long"),
    "a comprehension": ("return sum([i for i in range(n)])", 1000, "returned"),
    "what a handler would see": (
        "try:\n        for i in range(n):\n            pass\n    except BaseException:\n        return 1",
        400,
        "too_long",
    ),
    "a closure": ("def add(x):\n        return x + n\n    return list(map(add, range(9)))", 1, "returned"),
    "nonlocal names": ("def add():\n        nonlocal n\n        n += 1\n    add()\n    return n", 1, "returned"),
    "keywords": ("return dict(zip('ab', (n, n), strict=True))", 1, "returned"),
    "its own names": (
        "return list(main_solution.__code__.co_varnames[:main_solution.__code__.co_argcount])",
        1,
        "returned",
    ),
}


@pytest.fixture(scope="module")
def workers(worker_settings):
    pair = [CagedWorker(worker_settings(role=role), 0) for role in ("count", "record")]
    yield pair
    for worker in pair:
        worker.close()


@pytest.mark.parametrize("name", COUNTED)
def test_counted_run_ends_as_the_traced_run_does(workers, name):
    body, n, outcome = COUNTED[name]
    source = f"def main_solution(n):\n    {body}\n"
    request = {"refcode": source, "funcname": "main_solution", "calls": [json.dumps({"n": n})]}
    counted, traced = (worker.run(request) for worker in workers)
    assert (counted["outcome"], traced["outcome"]) == (outcome, outcome), (counted, traced)
    assert counted["value"] == traced["value"]
    assert not counted["trace"]


def test_calls_of_the_module_itself_do_not_count(workers):
    source = "def main_solution(n):\n    for i in range(n):\n        pass\n    return n\n\nmain_solution(1000)\n"
    request = {"refcode": source, "funcname": "main_solution", "calls": [json.dumps({"n": 3})]}
    assert [worker.run(request)["outcome"] for worker in workers] == ["returned", "returned"]


SEVERAL = {  # the first calls are too long; what happens to them must not change what is found out of them
    "nothing in the way": "for i in range(n):\n        pass\n    return n",
    "a handler that goes on": (
        "try:\n        for i in range(n):\n            pass\n    except BaseException:\n        return 1\n    return n"
    ),
    "a handler that never ends": (
        "while True:\n        try:\n            for i in range(n):\n                pass\n            return n\n"
        "        except BaseException:\n            pass"
    ),
    "a last word": "try:\n        for i in range(n):\n            pass\n    finally:\n        n -= 1\n    return n + 1",
    "a generator": "def count():\n        yield from range(n)\n    for i in count():\n        pass\n    return n",
    "a thread": (
        "import _thread, time\n    if n > 9:\n        _thread.start_new_thread(time.sleep, (9,))\n"
        "    for i in range(n):\n        pass\n    return n"
    ),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_calls_that_are_too_long_are_told_in_their_order(workers, name):
    source = f"def main_solution(n):\n    {SEVERAL[name]}\n"
    calls = [json.dumps({"n": n}) for n in (400, 900, 3, 400)]
    request = {"refcode": source, "funcname": "main_solution"}
    for worker in workers:
        ends, done = [], 0
        while done < len(calls):
            answer = worker.run(request | {"calls": calls[done:]})
            ends += [(answer["outcome"], answer["value"])] * answer["calls"]
            done += answer["calls"]
        assert ends == [("too_long", ""), ("too_long", ""), ("returned", "3"), ("too_long", "")], answer


def test_calls_that_are_too_long_share_a_process(workers):
    source = "def main_solution(n):\n    for i in range(n):\n        pass\n    return n\n"
    calls = [json.dumps({"n": 400})] * 10
    request = {"refcode": source, "funcname": "main_solution", "calls": calls}
    assert [worker.run(request)["calls"] for worker in workers] == [10, 1]
    assert workers[0].run(request | {"calls": [*calls[:3], "{}", *calls]})["calls"] == 3


def test_a_call_finds_the_module_and_its_names_new(workers):
    source = (
        "seen = []\ndef main_solution(n):\n    seen.append(n)\n    if len(seen) > 1:\n        return -1\n"
        "    __builtins__.len = None\n    for i in range(n):\n        pass\n    return n\n"
    )
    request = {"refcode": source, "funcname": "main_solution", "calls": [json.dumps({"n": 400})] * 3}
    assert workers[0].run(request)["calls"] == 3
