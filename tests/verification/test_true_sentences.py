"""What the evidence of a run shows, told sentence by sentence, is never contradicted: on every program of the sample.

The sentences are made of the events and calls of the run, each with the record line that it belongs to, in the words in
which models tell them. A rule that refuses one of them would refuse right texts.
"""

import ast
import json
from collections.abc import Iterator
from importlib.resources import files

import pytest
from executions import execute

from execground_ray.tracing.evidence import decode
from execground_ray.verification import Outcome, verify
from execground_ray.verification.arithmetic import UnknownError, value_of
from execground_ray.verification.facts import OPPOSITES
from execground_ray.verification.run import Run
from execground_ray.verification.values import Opaque

SAMPLE = (files("execground_ray") / "corpus" / "sample.jsonl").read_text("utf-8").splitlines()
ACCEPTED = [json.loads(line) for line in SAMPLE if '"expect": "accepted"' in line]
MORE = {
    "arrays": """import numpy as np
def main_solution():
    one, other = np.array([3, 8]), np.array([2, 1])
    return (one + other).tolist()
""",
    "what one line does too often to be taken down": """def main_solution():
    def count(depth):
        total = 1
        for n in reversed(range(depth)):
            total += count(n)
        return total
    return count(10)
""",
    "a list that is changed in place": """def main_solution():
    ns = [3, 1]
    ns.sort()
    ns += [2]
    return ns
""",
    "a complex number": """def main_solution():
    def turn(point, times):
        return point * 1j**times
    return abs(turn(1.5 - 2j, 3))
""",
}
PROGRAMS = {row["problem_description"]: (row["refcode"], json.dumps(row["ios"][0]["input"])) for row in ACCEPTED}
PROGRAMS |= {name: (program, "{}") for name, program in MORE.items()}
MAX_CHARS = 200  # of a value
SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%", ast.BitXor: "^", ast.BitAnd: "&"}
PUTS = frozenset({"append", "appendleft", "add"})


def run_of(execution) -> Run:
    return Run(execution.refcode, decode(execution.evidence))


def literal(value) -> str:
    """The value as a text writes it; empty if it does not."""
    written = "" if isinstance(value, Opaque) else repr(value)
    return written if len(written) < MAX_CHARS and "`" not in written else ""


def operand(node, event) -> str:
    """What a part of an event had as its value."""
    if id(node) in event.operands:
        return literal(event.operands[id(node)].value)
    try:
        return literal(value_of(node))
    except UnknownError:
        return ""


def told_of(event) -> Iterator[str]:
    """Ways to tell one event."""
    node, value = event.node, literal(event.value)
    source = ast.unparse(node)
    if not value or "`" in source or "\n" in source:
        return
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            yield from (f"`{name} = {value}`", f"Now `{name}` becomes `{value}`", f"So `{name}` is set to `{value}`")
        case ast.Compare(left, [op], [right]) if event.outcome >= 0:
            other = ast.unparse(ast.Compare(left, [OPPOSITES[type(op)]()], [right]))
            yield f"`{source}` is {str(event.outcome == 1).lower()}"
            yield f"`{other}` is {str(event.outcome == 0).lower()}"
        case ast.BinOp(left, op, right) if type(op) in SIGNS and (one := operand(left, event)):
            if other := operand(right, event):
                calculation = f"{one} {SIGNS[type(op)]} {other}"
                yield from (f"Here `{calculation} = {value}`", f"`{calculation}` is `{value}`")
            yield f"`{source} = {value}`"
        case ast.Call(ast.Attribute(holder, method), [item]) if method in PUTS and (one := operand(item, event)):
            into = ast.unparse(holder)
            yield from (f"`{one}` is appended to `{into}`", f"It adds `{one}` to `{into}`")
        case ast.Call() | ast.Subscript(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
            yield from (f"`{source} = {value}`", f"`{source}` is `{value}`", f"Then `{source}` gives `{value}`")


def sentences(run: Run) -> Iterator[tuple[str, int]]:
    """True sentences, each with the line that it cites."""
    for event in run.events:
        if event.line not in run.incomplete and run.frame_of[event.line - 1] == event.frame:
            yield from ((sentence, event.line) for sentence in told_of(event))
    for frame in run.frames:
        name = frame.name.rpartition(".")[2]
        parameters = {each.arg for node in run.definitions.get(name, ()) for each in node.args.args} - {"self"}
        given = [literal(value) for argument, value in frame.arguments if argument in parameters]
        returned = literal(frame.returned)
        if not name.isidentifier() or not all(given) or not given or run.is_inner(run.frames.index(frame)):
            continue
        if returned:
            yield f"`{name}({', '.join(given)})` returns `{returned}`", frame.last
            yield f"So `{name}` returns `{returned}`", frame.last
        if len(given) > 1:
            *first, last = (f"`{each}`" for each in given)
            yield f"`{name}` is called with {', '.join(first)} and {last}", frame.first


def contradictions(told, execution) -> list[str]:
    """What is said to be wrong with sentences."""
    items = "".join(f"- {sentence} [{line}].\n" for sentence, line in told)
    whole = f"It ends [1-{execution.trace.count(chr(10)) + 1}].\n\n**Final output:** `{execution.returned!r}`"
    findings = verify(f"{items}\n{whole}", execution).findings
    return [f"{each.lines}: {each.message}" for each in findings if each.outcome is Outcome.CONTRADICTED]


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_true_sentence_is_contradicted(name):
    try:
        execution = execute(*PROGRAMS[name])
    except RuntimeError as error:
        pytest.skip(f"it is traced with a smaller input: {error}")
    made = list(dict.fromkeys(sentences(run_of(execution))))
    assert made
    assert contradictions(made, execution) == []


def test_of_another_run_most_are():
    program = "def main_solution(ns):\n    total = 0\n    for n in ns:\n        total += n * n\n    return total\n"
    one, other = (execute(program, json.dumps({"ns": numbers})) for numbers in ([3, 5, 7], [2, 4, 9]))
    made = list(dict.fromkeys(sentences(run_of(one))))
    assert sum(bool(contradictions([each], other)) for each in made) > len(made) / 2
