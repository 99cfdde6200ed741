"""Lengths in tokens, with a real tokenizer and a chat template that has the switch."""

import pytest
from tiny_model import make_tokenizer

from execground_ray.config.errors import ConfigError
from execground_ray.translators.llm.tokens import ChatTokenizer, find_model


@pytest.fixture(scope="module")
def tokenizer(tokenizer_folder):
    return ChatTokenizer(str(tokenizer_folder))


def test_the_switch_is_really_applied(tokenizer):
    thinking = tokenizer.prompt("Hi", enable_thinking=True)
    silent = tokenizer.prompt("Hi", enable_thinking=False)
    assert tokenizer.has_switch
    assert thinking.text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert silent.text == thinking.text + "<think>\n\n</think>\n\n"
    assert len(silent.tokens) > len(thinking.tokens)


def test_the_tokens_are_those_of_the_text(tokenizer):
    prompt = tokenizer.prompt("def main_solution(n): 🙂", enable_thinking=True)
    assert tokenizer._tokenizer.decode(prompt.tokens) == prompt.text
    assert prompt.tokens[0] == tokenizer._tokenizer.convert_tokens_to_ids("<|im_start|>")  # once, not twice


def test_a_row_is_measured_with_the_marks_of_the_template(tokenizer):
    bare = len(tokenizer._ids("Hi")) + len(tokenizer._ids("yes"))
    assert tokenizer.row_tokens("Hi", "yes") > bare + 4
    more = len(tokenizer._ids(" word" * 100))
    assert tokenizer.row_tokens("Hi", "yes" + " word" * 100) == tokenizer.row_tokens("Hi", "yes") + more


def test_the_end_of_a_turn_is_a_stop(tokenizer):
    assert tokenizer.stop_ids == [tokenizer._tokenizer.convert_tokens_to_ids("<|im_end|>")]


def test_a_model_without_a_chat_template_is_refused(tmp_path):
    make_tokenizer(tmp_path, chat_template=None)
    with pytest.raises(ConfigError, match="has no chat template"):
        ChatTokenizer(str(tmp_path))


@pytest.mark.parametrize("model", ["/no/such/folder", "./nothing", "no-owner", "s3://bucket/model"])
def test_a_model_that_cannot_be_is_refused(model):
    with pytest.raises(ConfigError, match="neither a folder nor a name on the Hub"):
        find_model(model)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"tokenizer of .* cannot be loaded"):
        ChatTokenizer(str(tmp_path))
