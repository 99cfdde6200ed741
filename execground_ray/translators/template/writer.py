"""The template translator: step-by-step reasoning written from a trace by rule, without a model.

In come the code, the arguments, the trace and the returned value; out comes the text of the assistant's message, in
Markdown without code blocks, ending with the final output. The same input always gives the same text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from execground_ray.python.values import Expression, read_json, written
from execground_ray.translators.template.citations import Sentence
from execground_ray.translators.template.code_map import Program
from execground_ray.translators.template.frames import FrameWriter
from execground_ray.translators.template.known_values import UnknownValueError, read_value
from execground_ray.translators.template.marks import code
from execground_ray.translators.template.paragraphs import Block, render
from execground_ray.translators.template.trace_reader import Frame, read_frames
from execground_ray.translators.template.wording import assigned, listed


def write_reasoning(refcode: str, funcname: str, arguments: dict[str, Any], trace: str, returned: str) -> str:
    """Write the reasoning that leads from code and input to the output, and which lines of the trace it tells.

    Args:
        refcode: Source of the program.
        funcname: Function that was called.
        arguments: Keyword arguments of the call.
        trace: Text that snoop printed; its line numbers are those of `refcode`.
        returned: JSON text of the exact return value.

    Returns:
        Markdown text without code blocks, whose last line is ``**Final output:** `<value>` `` with the Python literal
        of the value. In front of the stop of each sentence and of each introduction of a list stand the numbers of
        the lines of the trace that it tells, counted from 1: ``[3, 12-18]``. A trace that cannot be followed gives a
        shorter text, not an error.
    """
    program = Program(refcode)
    frames = read_frames(trace, program)
    shown = {change.name: change.text for change in frames[0].arguments} if frames else {}
    given = {name: _written(value, shown.get(name, "")) for name, value in arguments.items()}
    start = f"{code(funcname)} is called" + (
        f" with {listed([assigned(*pair) for pair in given.items()])}" if given else ""
    )
    blocks: list[Block] = [[Sentence(start, ".", frozenset(frames[0].opening if frames else ()))]]
    writer = FrameWriter(program)
    try:
        for frame in frames:
            blocks += writer.tell_frame(frame, given)
        text = render(blocks)
    except RecursionError:  # calls or expressions nested deeper than they can be told
        text = render(blocks[:1])
    return f"{text}\n\n**Final output:** `{_final(returned, frames)}`"


def _written(value: Any, shown: str) -> str:
    """Write an argument; of one that is told by an expression, its value, if the trace shows that as a literal."""
    return shown if isinstance(value, Expression) and shown and not shown.startswith("<") else written(value)


def _final(returned: str, frames: Sequence[Frame]) -> str:
    """Write the returned value as the function returned it, where the trace shows it whole: JSON has no tuples."""
    try:
        exact = read_json(returned)
    except ValueError:  # not JSON, or an integer beyond the digits that Python converts
        return returned
    shown = frames[0].value if len(frames) == 1 and frames[0].ended == "Return" else ""
    try:
        value = read_value(shown)
        if value == exact or json.loads(json.dumps(value)) == exact:
            return shown
    except (UnknownValueError, ValueError, TypeError):  # shortened, or nothing that JSON can hold
        pass
    return written(exact)
