"""What a translating model is told, and what is made of its answer: plain text in, plain text out.

The texts are files of ``prompts``, one per variant; the user's message is the whole prompt. What comes back from a
model that thinks is ``<think>…</think>`` and then the reasoning that the reader gets.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files

from execground_ray.records import Problem, Reason
from execground_ray.translators.translator import Answer

THINK, THOUGHT = "<think>", "</think>"

_ADDRESS = re.compile(r" at 0x[0-9a-f]+(?=>)")


def translation_prompt(variant: str, problem: Problem, arguments: str, trace: str) -> str:
    """Return the message that asks for the reasoning of one execution.

    Args:
        variant: name of a file of ``prompts``.
        problem: the problem.
        arguments: of the call, a JSON object; shown as a Python dictionary, as the code will see it.
        trace: of the execution; addresses in memory are left out of it, they mean nothing to the reader.
    """
    lines = _ADDRESS.sub("", trace).rstrip().split("\n")
    return _template(variant).format(
        question=problem.question,
        code=problem.refcode.strip(),
        input=repr(json.loads(arguments)),
        trace="\n".join(lines),
        numbered_trace="\n".join(f"[{number}] {line}" for number, line in enumerate(lines, 1)),
    )


def read_answer(generated: str, complete: bool, tokens: tuple[int, int], opened: bool = False) -> Answer:
    """Part a model's output into thinking and text, and tell whether it is usable.

    Args:
        generated: all that the model wrote.
        complete: whether it came to its own end, rather than to the limit of tokens.
        tokens: read and written.
        opened: whether its prompt ended within the thinking, so that the opening mark is not in ``generated``.
    """
    thinking, closed, text = generated.rpartition(THOUGHT)
    thinking = thinking.strip().removeprefix(THINK).strip()
    text = text.strip()
    if not closed and (opened or text.startswith(THINK)):
        complete, thinking, text = False, text.removeprefix(THINK).strip(), ""
    if not complete:
        return Answer(text, thinking, Reason.UNFINISHED, f"no end after {tokens[1]} tokens", *tokens)
    if not text:
        return Answer(text, thinking, Reason.EMPTY, f"nothing but thinking in {tokens[1]} tokens", *tokens)
    return Answer(text, thinking, None, "", *tokens)


def with_thinking(thinking: str, text: str) -> str:
    """Return the reasoning as a model that thinks writes it; the text alone if there was no thinking."""
    return f"{THINK}\n{thinking}\n{THOUGHT}\n\n{text}" if thinking else text


@cache
def _template(variant: str) -> str:
    return (files(__package__) / "prompts" / f"{variant}.txt").read_text("utf-8").rstrip()
