"""LLaMA-Factory's own encoder, under the template that the dataset card names: what of a row a model is trained on."""

import re
import sys
from importlib.machinery import ModuleSpec
from importlib.resources import files
from types import ModuleType

import pytest

pytestmark = pytest.mark.vllm

ANSWER = "It is `4`.\n\n**Final output:** `4`"
THOUGHT = f"<think>\nhm\n</think>\n\n{ANSWER}"


@pytest.fixture(scope="module")
def encode(tokenizer_folder):
    """Encode a row; return the text that has a loss and the whole text."""
    import os

    os.environ["DISABLE_VERSION_CHECK"] = "1"  # it names the transformers that it was tested with
    audio = ModuleType("torchaudio")  # its CUDA build cannot be imported beside the CPU build of torch
    audio.__spec__, audio.__version__ = ModuleSpec("torchaudio", None), "0"
    sys.modules.setdefault("torchaudio", audio)
    from llamafactory.data.processor.supervised import SupervisedDatasetProcessor
    from llamafactory.data.template import get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments
    from transformers import AutoTokenizer

    card = (files("execground_ray") / "report" / "card.md").read_text("utf-8")
    arguments = DataArguments(template=re.search(r"^template: (\w+)$", card, re.MULTILINE)[1], cutoff_len=2048)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    template = get_template_and_fix_tokenizer(tokenizer, arguments)
    processor = SupervisedDatasetProcessor(template, tokenizer, None, arguments)

    def encoded(answer):
        prompt, response = ([{"role": role, "content": text}] for role, text in (("user", "Q"), ("assistant", answer)))
        ids, labels = processor._encode_data_example(
            prompt=prompt, response=response, system="", tools="", images=[], videos=[], audios=[]
        )
        trained = [token for token, label in zip(ids, labels, strict=True) if label != -100]
        return tokenizer.decode(trained), tokenizer.decode(ids)

    return encoded


@pytest.mark.parametrize("answer", [ANSWER, THOUGHT], ids=["text", "thinking"])
def test_a_model_is_trained_on_the_answer_and_nothing_else(encode, answer):
    trained, whole = encode(answer)
    assert trained == f"{answer}<|im_end|>\n"
    assert whole == f"<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n{trained}"
