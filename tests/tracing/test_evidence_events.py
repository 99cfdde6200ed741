"""What the witness sees of each construct: the values of its expressions, the lines and calls that they belong to.

``evidence_events.txt`` holds small programs, a construct each, and every event of theirs in order.
"""

import ast
import sys
from pathlib import Path

import pytest
from cheap_repr import find_repr_function
from evidence_programs import body, changes, events_by_line, told, witness

LISTED = Path(__file__).with_name("evidence_events.txt").read_text("utf-8")
CONSTRUCTS = dict(section.split("\n", 1) for section in LISTED.removeprefix("=== ").split("\n=== "))


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_events(name: str) -> None:
    source, _, expected = CONSTRUCTS[name].partition("\n---\n")
    code = source if "def main_solution" in source else body(source)
    assert told(code, witness(code).evidence) == expected.rstrip("\n").split("\n")


def test_a_list_that_changes_keeps_its_older_values():
    code = body("a = [1]\nfor n in range(3):\n    a.append([n])\n    a[1].append(n)\nb = a\nreturn b")
    evidence = witness(code).evidence
    seen = [line.partition(" -> ")[2] for line in told(code, evidence) if line.startswith("a -> ")]
    assert seen[:4] == ["[1]", "[1, [0]]", "[1, [0, 0]]", "[1, [0, 0], [1]]"]
    assert changes(evidence)[1:4] == ["4 a = [1]", "5 n = 0", "7 a = [1, [0]]"]


def test_lines_of_an_exception():
    code = (
        "def fail(n):\n    raise KeyError(n)\n"
        "def main_solution(n):\n    try:\n        fail(n)\n    except KeyError as e:\n        return 1\n"
    )
    evidence = witness(code, n=1).evidence
    assert [(line.kind, line.frame, line.owner) for line in evidence.lines[8:15]] == [
        ("source", 1, 9),
        ("raised", 1, 9),
        ("return", 1, 11),
        ("again", 0, 12),
        ("raised", 0, 5),
        ("raised", 0, 5),
        ("source", 0, 15),
    ]
    assert [frame.returned for frame in evidence.frames][1] == -1
    assert evidence.values[evidence.frames[0].returned].text == "1"
    assert "15 e = KeyError(1)" in changes(evidence)


def test_names_and_lines():
    code = (
        "total = 0\nlog = []\n"
        "def add(n):\n    global total\n    total += n\n    log.append(n)\n    return n\n"
        "def main_solution(n):\n    x = add(n) + add(\n        2)\n    del n\n    return x\n"
    )
    run = witness(code, n=1)
    lines = run.trace.split("\n")
    shown = [
        " ".join(f"{number} {line.kind} {line.frame} {line.name} {line.owner} {lines[number - 1]}".split())
        for number, line in enumerate(run.evidence.lines, 1)
    ]
    assert shown == [
        "1 call 0 1 >>> Call to main_solution",
        "2 value 0 n 1 ...... n = 1",
        "3 def 0 3 8 | def main_solution(n):",
        "4 source 0 4 9 | x = add(n) + add(",
        "5 call 1 5 >>> Call to add",
        "6 value 1 n 5 ...... n = 1",
        "7 def 1 7 3 | def add(n):",
        "8 source 1 8 5 | total += n",
        "9 source 1 9 6 | log.append(n)",
        "10 source 1 10 7 | return n",
        "11 return 1 11 <<< Return value from add: 1",
        "12 again 0 12 9 | x = add(n) + add(",
        "13 source 0 13 10 | 2)",
        "14 source 0 14 9 | x = add(n) + add(",
        "15 call 2 15 >>> Call to add",
        "16 value 2 n 15 ...... n = 2",
        "17 def 2 17 3 | def add(n):",
        "18 source 2 18 5 | total += n",
        "19 source 2 19 6 | log.append(n)",
        "20 source 2 20 7 | return n",
        "21 return 2 21 <<< Return value from add: 2",
        "22 again 0 22 9 | x = add(n) + add(",
        "23 value 0 x 14 .......... x = 3",
        "24 source 0 24 11 | del n",
        "25 source 0 25 12 | return x",
        "26 return 0 26 <<< Return value from main_solution: 3",
    ]  # fmt: skip
    assert changes(run.evidence) == [
        *("1 n = 1", "1 global total = 0", "1 global log = []"),
        *("5 n = 1", "8 global total = 1", "9 global log = [1]"),
        *("15 n = 2", "18 global total = 3", "19 global log = [1, 2]"),
        *("14 x = 3", "24 n = gone"),
    ]
    assert [line.source_line for line in run.evidence.lines[:5]] == [0, 0, 8, 9, 0]


def test_frames():
    code = (
        "def inner(v, *rest):\n    return v\n"
        "def gen(n):\n    for i in range(n):\n        yield i\n"
        "def main_solution(xs):\n    a = sorted(xs, key=lambda x: -inner(x))\n    b = [inner(y) for y in xs]\n"
        "    return a + list(gen(2)) + [inner(inner(5))]\n"
    )
    run = witness(code, xs=[1, 2])
    evidence, nodes = run.evidence, list(ast.walk(ast.parse(code)))
    lines = run.trace.split("\n")
    frames = [
        (
            frame.function,
            frame.parent,
            lines[frame.caller_line - 1].strip()[:14] if frame.caller_line > 0 else "",
            ast.unparse(nodes[frame.call]) if frame.call >= 0 else "",
            {name: evidence.values[value].text for name, value in frame.arguments},
            evidence.values[frame.returned].text,
        )
        for frame in evidence.frames
        if "<lambda>" not in frame.function
    ]
    lambdas = [frame for frame in evidence.frames if "<lambda>" in frame.function]
    assert len(lambdas) == 2
    assert frames[0] == ("main_solution", -1, "", "", {"xs": "[1, 2]"}, "[2, 1, 0, 1, 5]")
    assert [frame[0] for frame in frames[1:]] == ["inner"] * 2 + ["<listcomp>"] + ["inner"] * 2 + ["gen"] + [
        "inner"
    ] * 2
    assert [frame[3] for frame in frames if frame[0] == "inner"] == [
        *("inner(x)", "inner(x)", "inner(y)", "inner(y)", "inner(5)", "inner(inner(5))")
    ]
    assert {ast.unparse(nodes[frame.call]) for frame in lambdas} == {"sorted(xs, key=lambda x: -inner(x))"}
    (generator,) = (frame for frame in evidence.frames if frame.function == "gen")
    assert lines[generator.first_line - 1].strip() == ">>> Start generator gen"
    assert lines[generator.last_line - 1].strip() == "<<< Return value from gen: None"
    for frame in evidence.frames:
        assert evidence.lines[frame.first_line - 1].kind == "call"
        assert evidence.lines[frame.last_line - 1].kind == "return"


def test_events_know_the_line_that_runs():
    code = body("n = 2\nwhile n:\n    n -= 1\nreturn n")
    run = witness(code)
    lines = run.trace.split("\n")
    by_line = {number: told(code, run.evidence, events) for number, events in events_by_line(run.evidence).items()}
    assert [(lines[number - 1].strip(), events) for number, events in by_line.items()] == [
        ("2 |     n = 2", ["n = 2"]),
        ("3 |     while n:", ["n -> 2 (true)"]),
        ("4 |         n -= 1", ["n = 1"]),
        ("3 |     while n:", ["n -> 1 (true)"]),
        ("4 |         n -= 1", ["n = 0"]),
        ("3 |     while n:", ["n -> 0 (false)"]),
        ("5 |     return n", ["n -> 0"]),
    ]


def test_what_runs_in_calls_without_a_trace_belongs_to_the_line_around_it():
    code = "def main_solution(n):\n    f = lambda k: k and f(k - 1)\n    return f(n)\n"  # traced to a depth of one
    run = witness(code, n=2)
    assert [frame.function for frame in run.evidence.frames] == ["main_solution"]
    (*_, statement) = events_by_line(run.evidence)
    assert run.trace.split("\n")[statement - 1].strip() == "3 |     return f(n)"
    assert told(code, run.evidence, events_by_line(run.evidence)[statement]) == [
        *("n -> 2", "k -> 2 (true)", "k -> 2", "k - 1 -> 1", "k -> 1 (true)", "k -> 1", "k - 1 -> 0", "k -> 0 (false)"),
        *("k and f(k - 1) -> 0", "f(k - 1) -> 0 (false)", "k and f(k - 1) -> 0"),
        *("f(k - 1) -> 0 (false)", "k and f(k - 1) -> 0", "f(n) -> 0"),
    ]


def test_the_process_is_as_it_was():
    before = sys.modules["__main__"], sys.modules["builtins"], sys.gettrace(), find_repr_function(tuple).maxparts
    first, again = (witness(body("return [len((1,) * 50)]")) for _ in range(2))
    assert first == again
    with pytest.raises(ZeroDivisionError):
        witness(body("return 1 // 0"))
    after = sys.modules["__main__"], sys.modules["builtins"], sys.gettrace(), find_repr_function(tuple).maxparts
    assert after == before
