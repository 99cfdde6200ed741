"""The limit of training rows, in the tokens of the trained model and its chat template."""

import pyarrow as pa
import pytest
from test_engines import traced_row
from transformers import AutoTokenizer

from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import load
from execground_ray.records import COLUMNS, Stage, schema_after
from execground_ray.stages.export_examples import check_tokenizer, export_rows
from execground_ray.translators.llm.tokens import ChatTokenizer


def exported(text, thinking="", **limits):
    export = load([f"export.{name}={value}" for name, value in limits.items()]).export
    row = traced_row() | COLUMNS[Stage.TRANSLATE] | COLUMNS[Stage.VERIFY] | {"text": text, "thinking": thinking}
    [found] = export_rows(pa.Table.from_pylist([row], schema_after(Stage.VERIFY)), export).to_pylist()
    assert list(found) == schema_after(Stage.EXPORT).names
    return found


def test_a_row_fits_up_to_its_last_token(tokenizer_folder):
    problem_prompt = exported("It is 4.")["prompt"]
    tokens = ChatTokenizer(str(tokenizer_folder)).row_tokens(problem_prompt, "It is 4.")
    assert exported("It is 4.", tokenizer=tokenizer_folder, max_tokens=tokens)["reason"] == ""
    rejected = exported("It is 4.", tokenizer=tokenizer_folder, max_tokens=tokens - 1)
    assert (rejected["stage"], rejected["reason"]) == ("export", "too_many_tokens")
    assert rejected["detail"] == f"f:1: {tokens} tokens, more than {tokens - 1}"


def test_thinking_that_is_kept_counts(tokenizer_folder):
    kept = exported("It is 4.", thinking="let me see")
    assert kept["answer"] == "<think>\nlet me see\n</think>\n\nIt is 4."
    tokens = ChatTokenizer(str(tokenizer_folder)).row_tokens(kept["prompt"], kept["answer"])
    limits = {"tokenizer": tokenizer_folder, "max_tokens": tokens - 1}
    assert exported("It is 4.", thinking="let me see", **limits)["reason"] == "too_many_tokens"
    assert exported("It is 4.", **limits)["reason"] == ""


def test_characters_are_those_of_both_texts():
    length = len(exported("abc")["prompt"]) + 3
    assert exported("abc", tokenizer="characters", max_tokens=length)["reason"] == ""
    rejected = exported("abc", tokenizer="characters", max_tokens=length - 1)
    assert rejected["detail"] == f"f:1: {length} characters, more than {length - 1}"


def test_a_tokenizer_that_is_not_there_is_known_before_the_run(tmp_path):
    with pytest.raises(ConfigError, match="cannot be loaded"):
        check_tokenizer(load([f"export.tokenizer={tmp_path}", "export.max_tokens=8"]).export)


def test_special_tokens_of_the_trained_model_are_control_text(tokenizer_folder):
    special = ChatTokenizer(str(tokenizer_folder)).special_tokens
    assert special
    for token in special:
        rejected = exported(f"It is {token}.", tokenizer=tokenizer_folder)
        assert (rejected["stage"], rejected["reason"]) == ("export", "control_text")
        assert rejected["detail"] == f"f:1: the text holds {token}"
        assert exported(f"It is {token}.", tokenizer=tokenizer_folder, control_text="keep")["reason"] == ""
    assert exported("It is 4.", thinking="let me see", tokenizer=tokenizer_folder)["reason"] == ""


def test_special_tokens_of_another_form_than_usual_are_known_from_the_tokenizer(tokenizer_folder, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["[[turn]]"]})
    tokenizer.add_tokens(["plain"])
    tokenizer.save_pretrained(tmp_path)
    assert exported("[[turn]]")["reason"] == ""
    assert exported("[[turn]]", tokenizer=tmp_path)["reason"] == "control_text"
    assert exported("plain", tokenizer=tmp_path)["reason"] == ""


def test_a_tokenizer_that_only_tells_control_text_is_known_before_the_run_too(tmp_path):
    with pytest.raises(ConfigError, match="cannot be loaded"):
        check_tokenizer(load([f"export.tokenizer={tmp_path}"]).export)
    check_tokenizer(load([f"export.tokenizer={tmp_path}", "export.control_text=keep"]).export)
