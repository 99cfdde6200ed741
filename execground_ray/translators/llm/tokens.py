"""Lengths in tokens as a model counts them: with its own tokenizer and its own chat template.

Needs ``transformers`` (the extra ``tokenizer``), which is loaded with the first tokenizer.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from execground_ray.config.errors import ConfigError

SWITCH = "enable_thinking"  # the name that Qwen3's chat template, and those after its model, give to it


@dataclass(frozen=True)
class Prompt:
    """A user's message as the model gets it.

    Attributes:
        text: with the marks of the chat template, up to where the model begins to write.
        tokens: the same as token ids.
    """

    text: str
    tokens: list[int]


class ChatTokenizer:
    """The tokenizer of a chat model.

    Args:
        model: name on the Hub or local folder.

    Raises:
        ConfigError: if there is no such model, or it has no chat template.
    """

    def __init__(self, model: str) -> None:
        """Nothing is loaded but the tokenizer."""
        try:
            from transformers import AutoTokenizer, GenerationConfig
        except ImportError as error:
            raise ConfigError(
                f"counting tokens needs transformers ({error}): pip install 'execground-ray[tokenizer]'"
            ) from error
        find_model(model)
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(model)
        except (OSError, ValueError) as error:
            raise ConfigError(f"the tokenizer of {model!r} cannot be loaded: {_first_line(error)}") from error
        if not self._tokenizer.chat_template:
            raise ConfigError(f"the tokenizer of {model!r} has no chat template; take an instruction-tuned model")
        try:
            ends = GenerationConfig.from_pretrained(model).eos_token_id
        except OSError:  # the file is optional
            ends = None
        self.stop_ids = sorted({self._tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None})

    @functools.cached_property
    def special_tokens(self) -> tuple[str, ...]:
        """The texts that become control tokens wherever they stand."""
        added = self._tokenizer.added_tokens_decoder.values()
        special = {str(token) for token in added if token.special} | set(self._tokenizer.all_special_tokens)
        return tuple(sorted(token for token in special if token))

    @property
    def has_switch(self) -> bool:
        """Whether the chat template can turn thinking on and off."""
        return SWITCH in str(self._tokenizer.chat_template)

    def prompt(self, content: str, enable_thinking: bool) -> Prompt:
        """Return the prompt that makes the model answer the user's message ``content``."""
        messages = [{"role": "user", "content": content}]
        text = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **{SWITCH: enable_thinking}
        )
        return Prompt(text, self._ids(text))

    def row_tokens(self, prompt: str, answer: str) -> int:
        """Return the length of a training row: the user's message and the answer, with the chat template's marks."""
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
        return len(self._ids(self._tokenizer.apply_chat_template(messages, tokenize=False)))

    def _ids(self, text: str) -> list[int]:
        # The chat template has put the special tokens into the text already.
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]


@functools.lru_cache(maxsize=2)
def chat_tokenizer(model: str) -> ChatTokenizer:
    """Return the tokenizer of ``model``, loaded once per process."""
    return ChatTokenizer(model)


def find_model(model: str) -> None:
    """Make sure that there is such a model, without loading it and without long tries to reach the Hub.

    Raises:
        ConfigError: if it is neither a local folder, nor in the cache, nor on the Hub.
    """
    from huggingface_hub import HfApi, try_to_load_from_cache

    if Path(model).is_dir():
        return
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", model):
        raise ConfigError(f"the model {model!r} is neither a folder nor a name on the Hub; allowed: either of them")
    if isinstance(try_to_load_from_cache(model, "config.json"), str):
        return
    try:
        HfApi().model_info(model, timeout=10)
    except Exception as error:  # the network's own, the Hub's, and those of the client library
        raise ConfigError(
            f"the model {model!r} is neither a folder, nor in the cache, nor found on the Hub: {_first_line(error)}"
        ) from error


def model_length(model: str) -> int:
    """Return how many tokens a model can take, prompt and answer together.

    Raises:
        ConfigError: if there is no such model, or its configuration does not say.
    """
    from transformers import AutoConfig

    try:
        length = AutoConfig.from_pretrained(model).get_text_config().max_position_embeddings
    except (OSError, ValueError) as error:
        raise ConfigError(f"the configuration of {model!r} cannot be loaded: {_first_line(error)}") from error
    except AttributeError as error:
        raise ConfigError(f"{model!r} does not say its length; set translator.max_model_len") from error
    return int(length)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
