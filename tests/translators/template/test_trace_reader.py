"""The text of a trace is read back as what happened."""

import ast

from template_programs import GENERATOR, NESTED, RECURSION

from execground_ray.translators.template.code_map import Program
from execground_ray.translators.template.trace_reader import Loop, fold_loops, read_frames


def read(traced, refcode, **arguments):
    program = Program(refcode)
    (frame,) = read_frames(traced(refcode, **arguments)[0], program)
    return frame, program


def test_calls_hang_on_the_statement_that_made_them(traced):
    main, _ = read(traced, RECURSION, n=3)
    assert [(change.name, change.text) for change in main.arguments] == [("n", "3")]
    (action,) = main.actions  # the line that is printed again after the call is no second run
    (outer,) = action.frames
    assert (outer.name, outer.kind, outer.ended, outer.value) == ("fact", "Call to", "Return", "6")
    assert [action.line for action in outer.actions] == [2, 4, 5]
    assert [frame.value for frame in outer.actions[1].frames] == ["2"]


def test_loops_are_folded_by_iteration(traced):
    frame, program = read(traced, NESTED, n=3)
    (outer,) = [item for item in fold_loops(frame.actions, program) if isinstance(item, Loop)]
    assert [len(iteration.items) for iteration in outer.iterations] == [3, 3, 3, 0]
    inner = [iteration.items[1] for iteration in outer.iterations[:3]]
    assert [len(loop.iterations) - 1 for loop in inner] == [0, 1, 2]


def test_a_generator_is_entered_again_inside_its_loop(traced):
    frame, program = read(traced, GENERATOR, n=2)
    headers = [action for action in frame.actions if isinstance(action.node, ast.For)]
    start, again, last = [frame for action in headers for frame in action.frames]
    assert (start.ended, again.ended, last.ended) == ("Yield", "Yield", "Return")
    (loop,) = fold_loops(again.actions, program)
    assert loop.iterations[0].header is None


def test_values_of_several_lines(traced):
    code = "import numpy as np\n\ndef main_solution(n):\n    a = np.zeros((2, 2), int)\n    return n\n"
    frame, _ = read(traced, code, n=1)
    assert frame.actions[0].changes[0].text.startswith("array([[0, 0], [0, 0]]")


def test_statement_of_several_lines_runs_once(traced):
    code = "def main_solution(a, b):\n    total = (a +\n             b +\n             1)\n    return total\n"
    frame, _ = read(traced, code, a=1, b=2)
    assert [action.source.strip() for action in frame.actions] == ["total = (a +", "return total"]
    assert [change.text for change in frame.actions[0].changes] == ["4"]


def test_a_line_of_another_file_is_no_statement_of_the_code():
    program = Program("def main_solution(n):\n    return n\n")
    trace = (
        " >>> Call to other\n    1 | def other(n):\n    2 |     return sorted(n)\n <<< Return value from other: []\n"
    )
    (frame,) = read_frames(trace, program)
    assert [action.node for action in frame.actions] == [None]


def test_addresses_are_dropped():
    trace = " >>> Call to f\n ...... x = <C object at 0x7f0c>, <D object at 0x1A>\n    1 | def f(x):\n"
    (frame,) = read_frames(trace, Program("def f(x):\n    pass\n"))
    assert frame.arguments[0].text == "<C object>, <D object>"
