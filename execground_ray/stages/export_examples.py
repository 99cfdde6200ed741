"""Export: verified reasoning goes in, the same rows come out with the two messages of the training row.

A row that is longer than the trained model can take is rejected, not cut: a cut example loses its answer. So is one
that holds what a chat template or a trainer takes for a command: ``<|im_end|>`` in a program's text would end the
message, and LLaMA-Factory looks for a picture where a row says ``<image>``. A refused text of which that is true only
gives no pair of ``export.preference``.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from execground_ray.config.schema import CHARACTERS, Export
from execground_ray.output.rows import refused_message, training_prompt
from execground_ray.records import Problem, Reason, Row, Stage, map_rows, reject
from execground_ray.translators.llm.prompting import with_thinking
from execground_ray.translators.llm.tokens import chat_tokenizer
from execground_ray.verification.citations import strip_citations

if TYPE_CHECKING:
    import pyarrow as pa

# LLaMA-Factory's places for media, and the special tokens of the usual families of models, whichever is trained.
CONTROL_TEXT = re.compile(
    r"<(?:image|video|audio)>"
    r"|<\|[A-Za-z0-9_]+\|>"  # Qwen, Llama 3, Phi, GLM, gpt-oss: <|im_end|>, <|eot_id|>, <|endoftext|>
    r"|<｜[^<>｜]+｜>"  # DeepSeek
    r"|<(?:start|end)_of_turn>"  # Gemma
)


def export_rows(batch: pa.Table, export: Export) -> pa.Table:
    """Put the final form to a batch; rejected rows pass untouched."""
    return map_rows(Stage.EXPORT, batch, partial(_export_row, export=export))


def check_tokenizer(export: Export) -> None:
    """Make sure that the trained model's tokenizer is there, if it is to measure anything.

    Raises:
        ConfigError: it is not.
    """
    if _measures(export) and (export.max_tokens is not None or export.control_text == "reject"):
        chat_tokenizer(str(export.tokenizer))


def _export_row(row: Row, export: Export) -> Row:
    row["prompt"] = training_prompt(Problem.from_json(row["problem"]), row["input"])
    text = strip_citations(row["text"], row["trace_lines"])
    row["answer"] = with_thinking(row["thinking"], text)
    if fault := _fault(row["prompt"], row["thinking"], text, export):
        return reject(row, *fault)
    if export.preference:
        thinking, text = refused_message(row)
        if text and not _fault(row["prompt"], thinking, text, export):
            row["refused"] = with_thinking(thinking, text)
    return row


def _fault(prompt: str, thinking: str, text: str, export: Export) -> tuple[Reason, str] | None:
    """Why the two messages of an example cannot be trained on, and the same in words; None if they can."""
    if export.control_text == "reject":
        for what, part in (("prompt", prompt), ("thinking", thinking), ("text", text)):
            if found := _control_text(part, export):
                return Reason.CONTROL_TEXT, f"the {what} holds {found}"
    if export.max_tokens is not None:
        length = _length(export.tokenizer or CHARACTERS, prompt, with_thinking(thinking, text))
        if length > export.max_tokens:
            unit = CHARACTERS if export.tokenizer == CHARACTERS else "tokens"
            return Reason.TOO_MANY_TOKENS, f"{length} {unit}, more than {export.max_tokens}"
    return None


def _measures(export: Export) -> bool:
    """Whether the trained model's tokenizer is known."""
    return export.tokenizer not in (None, CHARACTERS)


def _control_text(text: str, export: Export) -> str | None:
    """The first control text in a text; None without one."""
    if found := CONTROL_TEXT.search(text):
        return found.group()
    special = chat_tokenizer(str(export.tokenizer)).special_tokens if _measures(export) else ()
    return next((token for token in special if token in text), None)


def _length(tokenizer: str, prompt: str, text: str) -> int:
    if tokenizer == CHARACTERS:
        return len(prompt) + len(text)
    return chat_tokenizer(tokenizer).row_tokens(prompt, text)
