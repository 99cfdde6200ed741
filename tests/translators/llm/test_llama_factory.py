"""LLaMA-Factory's own loader and encoder, under the template that the card names: what a model is trained on."""

import re
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from importlib.resources import files
from types import ModuleType, SimpleNamespace

import pytest
from exported_rows import block

from execground_ray.output.layout import CONFIG
from execground_ray.output.storage import Folder
from execground_ray.report.summary import count_shards, make_summary, write_summary
from execground_ray.stages.write_shards import ShardSink

pytestmark = pytest.mark.vllm

ANSWER = "It is `4`.\n\n**Final output:** `4`"
REFUSED = ["It is `5`.\n\n**Final output:** `5`", "Nothing."]
THOUGHT = f"<think>\nhm\n</think>\n\n{ANSWER}"


@pytest.fixture(scope="module")
def factory(tokenizer_folder):
    """LLaMA-Factory's template, with the tokenizer and the arguments that go with it."""
    import os

    os.environ["DISABLE_VERSION_CHECK"] = "1"  # it names the transformers that it was tested with
    audio = ModuleType("torchaudio")  # its CUDA build cannot be imported beside the CPU build of torch
    audio.__spec__, audio.__version__ = ModuleSpec("torchaudio", None), "0"
    sys.modules.setdefault("torchaudio", audio)
    from llamafactory.data.template import get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments
    from transformers import AutoTokenizer

    card = (files("execground_ray") / "report" / "card.md").read_text("utf-8")
    arguments = DataArguments(template=re.search(r"^template: (\w+)$", card, re.MULTILINE)[1], cutoff_len=2048)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    return get_template_and_fix_tokenizer(tokenizer, arguments), tokenizer, arguments


@pytest.fixture(scope="module")
def encode(factory):
    """Encode a row; return the text that has a loss and the whole text."""
    from llamafactory.data.processor.supervised import SupervisedDatasetProcessor

    template, tokenizer, arguments = factory
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


def test_pairs_are_loaded_and_both_texts_are_what_a_model_is_trained_on(factory, tmp_path):
    from llamafactory.data.loader import _get_merged_dataset
    from llamafactory.data.processor.pairwise import PairwiseDatasetProcessor

    template, tokenizer, arguments = factory
    folder = Folder.at(str(tmp_path / "out"))
    folder.write_text(CONFIG, "seed: 1\n")
    for task in range(2):
        rows = [{"id": f"{task}{place}", "answer": ANSWER, "refused": refused} for place, refused in enumerate(REFUSED)]
        ShardSink(folder, 1000).write([block(*rows, {"id": f"{task}9"})], SimpleNamespace(task_idx=task))
    write_summary(folder, make_summary(count_shards(folder), 6, {"seconds": 1.0, "sandbox": {}, "config": {}}))
    data = replace(arguments, dataset_dir=folder.path, overwrite_cache=True)
    model = SimpleNamespace(cache_dir=str(tmp_path / "cache"), hf_hub_token=None)
    training = SimpleNamespace(local_process_index=0, seed=1)
    loaded = _get_merged_dataset(["execground_preference"], model, data, training, stage="rm")
    assert len(loaded) == 4
    features = PairwiseDatasetProcessor(template, tokenizer, None, data).preprocess_dataset(loaded[:])
    told = {
        name: [
            tokenizer.decode([token for token, label in zip(ids, labels, strict=True) if label != -100])
            for ids, labels in zip(features[f"{name}_input_ids"], features[f"{name}_labels"], strict=True)
        ]
        for name in ("chosen", "rejected")
    }
    assert told["chosen"] == [f"{ANSWER}<|im_end|>\n"] * 4
    assert sorted(told["rejected"]) == sorted(f"{text}<|im_end|>\n" for text in REFUSED * 2)
    start = "<|im_start|>user\nquestion<|im_end|>\n<|im_start|>assistant\n"
    assert all(tokenizer.decode(ids).startswith(start) for ids in features["rejected_input_ids"])
