"""Prompts for the models: executions go in, questions for a processor of ``ray.data.llm`` come out."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from execground_ray.config.schema import HttpTranslator, VllmTranslator
from execground_ray.records import Problem, Reason, Stage, passes, reject
from execground_ray.translators.llm.processor import ERROR, ROW, asked
from execground_ray.translators.llm.prompting import THINK, translation_prompt
from execground_ray.translators.llm.resampling import row_seed
from execground_ray.translators.llm.tokens import chat_tokenizer

QUESTION = [(ROW, pa.string()), (ERROR, pa.string()), ("id", pa.string())]
HTTP_QUESTION = pa.schema([*QUESTION, ("payload", pa.string())])  # the body of the request
_SAMPLING = pa.struct(
    [
        ("temperature", pa.float64()),
        ("top_p", pa.float64()),
        ("top_k", pa.int64()),
        ("min_p", pa.float64()),
        ("max_tokens", pa.int64()),
        ("seed", pa.int64()),
        ("stop_token_ids", pa.list_(pa.int64())),
    ]
)
ENGINE_QUESTION = pa.schema(
    [
        *QUESTION,
        ("tokenized_prompt", pa.list_(pa.int64())),
        ("opened", pa.bool_()),  # whether the prompt ends within the thinking
        ("sampling_params", _SAMPLING),
        ("model", pa.string()),  # another one than the engine's is the adapter to use
    ]
)


class EnginePrompts:
    """Writes what vLLM's engines are asked: chat template and tokenization, once for all engines.

    Args:
        translator: the model and its prompt.
        max_prompt_tokens: longest prompt that leaves room for the answer.
        seed: of the run.
    """

    def __init__(self, translator: VllmTranslator, max_prompt_tokens: int, seed: int) -> None:
        """The tokenizer is loaded with the first row."""
        self._translator = translator
        self._max_prompt_tokens = max_prompt_tokens
        self._seed = seed

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Ask for a batch; rejected rows pass, and a prompt that is too long is rejected."""
        return pa.Table.from_pylist([self._ask(row) for row in batch.to_pylist()], ENGINE_QUESTION)

    def _ask(self, row: dict[str, Any]) -> dict[str, Any]:
        tokenizer = chat_tokenizer(self._translator.model)
        tokens: list[int] = []
        opened = False
        if not passes(row, Stage.TRANSLATE):
            problem = Problem.from_json(row["problem"])
            message = translation_prompt(self._translator.prompt, problem, row["input"], row["trace"])
            prompt = tokenizer.prompt(message, self._translator.enable_thinking)
            if len(prompt.tokens) > self._max_prompt_tokens:
                detail = f"{len(prompt.tokens)} tokens, more than {self._max_prompt_tokens}"
                row = reject(row, Reason.PROMPT_TOO_LONG, detail)
            else:
                tokens, opened = prompt.tokens, prompt.text.rstrip().endswith(THINK)
        sampling = asdict(self._translator.sampling_params) | {
            "seed": row_seed(self._seed, row["id"]),
            "stop_token_ids": tokenizer.stop_ids,
        }
        question = {"id": row["id"], "tokenized_prompt": tokens, "opened": opened, "sampling_params": sampling}
        return asked(row, question | {"model": self._translator.lora_path or self._translator.model})


@dataclass(frozen=True)
class RequestForm:
    """How a request must be written for its server to take it, as the start check finds out.

    Attributes:
        limit: what the server calls the longest answer: OpenAI's reasoning models refuse ``max_tokens``.
        seeded: whether it takes a seed.
    """

    limit: str = "max_tokens"
    seeded: bool = True


def with_other_sampling(payload: str, seed: int, max_tokens: int | None) -> str:
    """Return the body of a request with another seed, and another longest answer where that is given.

    A server that takes no seed is sent none: it draws by chance.
    """
    request = json.loads(payload)
    changes = {"seed": seed} | (
        dict.fromkeys(("max_tokens", "max_completion_tokens"), max_tokens) if max_tokens else {}
    )
    return json.dumps(request | {name: value for name, value in changes.items() if name in request})


def ask_server(batch: pa.Table, translator: HttpTranslator, form: RequestForm, seed: int) -> pa.Table:
    """Write what a server is asked for a batch; rejected rows pass."""
    return pa.Table.from_pylist([_ask_server(row, translator, form, seed) for row in batch.to_pylist()], HTTP_QUESTION)


def _ask_server(row: dict[str, Any], translator: HttpTranslator, form: RequestForm, seed: int) -> dict[str, Any]:
    payload = ""
    if not passes(row, Stage.TRANSLATE):
        problem = Problem.from_json(row["problem"])
        message = translation_prompt(translator.prompt, problem, row["input"], row["trace"])
        payload = json.dumps(chat_request(translator, form, message, row_seed(seed, row["id"])))
    return asked(row, {"id": row["id"], "payload": payload})


def chat_request(translator: HttpTranslator, form: RequestForm, message: str, seed: int) -> dict[str, Any]:
    """Return the body of a request for a chat completion: of what may be set, only what is."""
    sampling = {name: value for name, value in asdict(translator.sampling_params).items() if value is not None}
    if sampling.get("top_k") == 0:
        sampling["top_k"] = -1  # all tokens, to vLLM as to SGLang
    if "max_tokens" in sampling:
        sampling[form.limit] = sampling.pop("max_tokens")
    request = {"model": translator.model, "messages": [{"role": "user", "content": message}], **sampling}
    if form.seeded:
        request["seed"] = seed
    if translator.enable_thinking is not None:
        request["chat_template_kwargs"] = {"enable_thinking": translator.enable_thinking}
    return request
