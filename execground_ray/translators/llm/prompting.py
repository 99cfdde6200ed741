"""What a translating model is told, and what is made of its answer: plain text in, plain text out.

The texts are files of ``prompts``, one per variant; the user's message is the whole prompt. What comes back from a
model that thinks is ``<think>…</think>`` and then the reasoning that the reader gets.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from execground_ray.python.values import read_json, written
from execground_ray.records import Problem, Reason
from execground_ray.translators.translator import Answer

THINK, THOUGHT = "<think>", "</think>"

_END_OF_THINKING = re.compile(rf"^[ \t]*({THOUGHT})|({THOUGHT})[ \t]*\r?$", re.MULTILINE)
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
        input=written(read_json(arguments)),
        trace="\n".join(lines),
        numbered_trace="\n".join(f"[{number}] {line}" for number, line in enumerate(lines, 1)),
    )


def read_answer(generated: str, complete: bool, tokens: tuple[int, int], opened: bool | None = False) -> Answer:
    """Part a model's output into thinking and text, and tell whether it is usable.

    Args:
        generated: all that the model wrote.
        complete: whether it came to its own end, rather than to the limit of tokens.
        tokens: read and written.
        opened: whether its prompt ended within the thinking, so that the opening mark is not in ``generated``; None if
            that is not known.
    """
    begun = generated.lstrip().startswith(THINK)
    thinking = generated.lstrip().removeprefix(THINK)
    if not begun and opened is False:
        return judge_answer("", generated, complete, tokens)
    # A program about tags has them quoted in the thinking or the text; the one that ends the thinking stands at the
    # beginning or the end of its line. Only where thinking is known to have begun, any will do.
    mark = _END_OF_THINKING.search(thinking)
    end = mark.start(mark.lastindex or 0) if mark else thinking.find(THOUGHT) if begun or opened else -1
    if end >= 0:
        return judge_answer(thinking[:end], thinking[end + len(THOUGHT) :], complete, tokens)
    if begun or opened:
        return judge_answer(thinking, "", False, tokens)
    return judge_answer("", generated, complete, tokens)


def judge_answer(thinking: str, text: str, complete: bool, tokens: tuple[int, int]) -> Answer:
    """Tell whether an answer is usable whose thinking and text are known apart.

    Args:
        thinking: what the model thought first; empty if nothing.
        text: what it wrote then.
        complete: whether it came to its own end, rather than to the limit of tokens.
        tokens: read and written.
    """
    thinking, text = thinking.strip(), text.strip()
    if not complete:
        return Answer(text, thinking, Reason.UNFINISHED, f"no end after {tokens[1]} tokens", *tokens)
    if not text:
        what = "nothing but thinking" if thinking else "no text"
        return Answer(text, thinking, Reason.EMPTY, f"{what} in {tokens[1]} tokens", *tokens)
    return Answer(text, thinking, None, "", *tokens)


def with_thinking(thinking: str, text: str) -> str:
    """Return the reasoning as a model that thinks writes it; the text alone if there was no thinking."""
    return f"{THINK}\n{thinking}\n{THOUGHT}\n\n{text}" if thinking else text


@cache
def _template(variant: str) -> str:
    return (files(__package__) / "prompts" / f"{variant}.txt").read_text("utf-8").rstrip()
