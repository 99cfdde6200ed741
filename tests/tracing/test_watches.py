"""What a run looks up besides its variables, and the calls that are too deep for its trace."""

import ast

import pytest
from evidence_programs import changes, witness

from execground_ray.tracing.watches import Watches, root_of, watch_in

WATCHED = {
    "node.val": "node",
    "self.rows[i][j + 1]": "self",
    "grid[-1]": "grid",
    "table[a, 0].best": "table",
    "len(self.queue)": "self",
    "len(words)": "words",
    "memo[n, k - 1]": "memo",
}
NOT_WATCHED = ["n", "f(x)", "len('abc')", "a.b()", "a[f(x)]", "x.__class__", "a[1:2]", "len(len(a))", "3[0]", "a * 2"]


@pytest.mark.parametrize("source", WATCHED)
def test_a_watch(source):
    assert watch_in(ast.parse(source, mode="eval").body) == source
    assert root_of(source) == WATCHED[source]


@pytest.mark.parametrize("source", NOT_WATCHED)
def test_no_watch(source):
    assert watch_in(ast.parse(source, mode="eval").body) == ""
    assert not Watches([source, "not a watch", "x" * 5000 + ".y"])


TREE = """
class Node:
    kind = "node"
    def __init__(self, val, left=None):
        self.val = val
        self.left = left
        self.tried = 0
    @property
    def asked(self):
        self.tried += 1
        return self.tried
    def __len__(self):
        self.tried += 1
        return self.tried
def main_solution(n):
    node = Node(n, Node(n + 1))
    row = [1, 2]
    node.val = 7
    row.append(node)
    return node.tried
"""


def test_places_in_objects_are_looked_up_after_every_step():
    run = witness(TREE, "node.val", "node.left.val", "row[2].val", "len(row)", "row[len(row) - 1]", n=3)
    assert run.output == "0"
    for watch, values in {
        "node.val": ["3", "7"],
        "node.left.val": ["4"],
        "row[2].val": ["7"],
        "len(row)": ["2", "3"],
        "row[len(row) - 1]": ["2", "Node()"],
    }.items():
        names = [name for name in run.evidence.names if name.name == watch]
        assert [
            run.evidence.values[name.value].text.replace("<__main__.Node object>", "Node()") for name in names
        ] == values
        assert {name.frame for name in names} == {0}


def test_no_code_of_the_program_runs_for_a_watch():
    watches = ["node.asked", "len(node)", "node.missing", "node.__dict__", "other.val", "row['a']"]
    run = witness(TREE, *watches, n=3)
    assert run.output == "0"
    assert {name.name for name in run.evidence.names}.isdisjoint(watches)


DEEP = """
def down(n, path):
    if n == 0:
        return len(path)
    path = path + [n]
    return down(n - 1, path) + 1
def main_solution(n):
    return down(n, [])
"""


def test_calls_that_are_too_deep_for_the_trace_belong_to_the_line_that_made_them():
    evidence = witness(DEEP, n=3).evidence
    values = [value.text for value in evidence.values]
    inner = [frame for frame in evidence.frames if frame.function == "down"][1:]
    [line] = {frame.caller_line for frame in inner}
    assert [(frame.first_line, frame.last_line) for frame in inner] == [(line, line)] * 3
    assert [[(name, values[value]) for name, value in frame.arguments] for frame in inner] == [
        [("n", "2"), ("path", "[3]")],
        [("n", "1"), ("path", "[3, 2]")],
        [("n", "0"), ("path", "[3, 2, 1]")],
    ]
    assert [values[frame.returned] for frame in inner] == ["5", "4", "3"]
    assert [frame.parent for frame in inner] == [1, 2, 3]
    assert all(frame.call == evidence.frames[2].call for frame in inner[1:])


def test_a_deep_call_that_an_exception_ends_returns_nothing():
    code = (
        "def down(n):\n    if n == 0:\n        raise KeyError(n)\n    return down(n - 1)\n"
        "def main_solution(n):\n    try:\n        return down(n)\n    except KeyError:\n        return None\n"
    )
    frames = [frame for frame in witness(code, n=2).evidence.frames if frame.function == "down"]
    assert [frame.returned for frame in frames] == [-1, -1, -1]


def test_the_line_behind_deep_calls_is_recorded_as_ever():
    deep = DEEP.replace("return down(n, [])", "a = down(n, [])\n    b = a + 1\n    return b")
    run = witness(deep, n=4)
    [line] = [change.partition(" b = ")[0] for change in changes(run.evidence) if change.endswith(" b = 9")]
    assert "b = a + 1" in run.trace.split("\n")[int(line) - 1]
