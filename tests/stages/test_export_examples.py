"""The user's message of a training row: everything that is needed to predict the output, exactly as it is."""

import ast
import json

import pytest
from exported_rows import block
from problem_lines import problem_line

from execground_ray.config.loading import load
from execground_ray.output.rows import training_prompt, training_row
from execground_ray.records import Problem, Stage
from execground_ray.stages.export_examples import export_rows


def problem(**changes):
    return json.dumps(json.loads(problem_line(1)) | changes)


def export(*rows, overrides=()):
    usual = {"id": "a", "locator": "f.jsonl:3", "problem": problem(), "input": '{"n": 2}', "text": "It is 3."}
    batch = block(*(usual | row for row in rows), stage=Stage.VERIFY)
    return export_rows(batch, load(list(overrides)).export).to_pylist()


@pytest.mark.parametrize(
    "value", [None, True, 2**70, -0.5, 'it\'s "x"\n\\', [[1, "a"], {}], {"k": [None]}, "ä😀", "{n}"]
)
def test_the_input_is_a_python_literal_of_the_arguments(value):
    prompt = training_prompt(Problem.from_json(problem()), json.dumps({"n": value}))
    (literal,) = [line for line in prompt.split("\n") if line.startswith("{'n'")]
    assert ast.literal_eval(literal) == {"n": value}


def test_question_and_code_are_in_it_word_for_word():
    code = 'def main_solution(n):\n    return {"{n}": f"{n!r:>{3}} {{}}"}  # {question} {0} %s'
    description, requirements = "Braces {n} {{}} {input} are kept.", "Input:\n  `n` {int}"
    given = problem(refcode=code + "\n\n", problem_description=description, io_requirements=requirements)
    (row,) = export({"problem": given})
    for part in (code, description, requirements, "{'n': 2}"):
        assert row["prompt"].count(part) == 1
    assert row["reason"] == ""


def test_nothing_of_the_recorded_output_is_told():
    (row,) = export({"output": '"the secret"', "text": "the secret"})
    assert "secret" not in row["prompt"]


def test_what_is_longer_than_the_model_takes_is_rejected_with_both_numbers():
    (within,) = export({}, overrides=["export.tokenizer=characters", "export.max_tokens=5000"])
    length = len(within["prompt"]) + len(within["text"])
    for limit, reason in ((length, ""), (length - 1, "too_many_tokens")):
        (row,) = export({}, overrides=["export.tokenizer=characters", f"export.max_tokens={limit}"])
        assert row["reason"] == reason
    assert row["stage"] == "export"
    assert row["detail"].startswith("f.jsonl:3: ")
    assert str(length) in row["detail"] and str(length - 1) in row["detail"]


def test_without_a_limit_nothing_is_too_long():
    (row,) = export({"text": "x" * 1_000_000})
    assert (row["reason"], len(row["text"])) == ("", 1_000_000)


def test_rejected_rows_pass_untouched():
    given = {"id": "b", "problem": "", "stage": "read", "reason": "malformed_json", "detail": "f:1: no", "text": ""}
    first, second = export(given, {}, overrides=["export.tokenizer=characters", "export.max_tokens=1"])
    assert {name: first[name] for name in given} == given
    assert first["prompt"] == ""
    assert second["reason"] == "too_many_tokens"


CONTROL = ["<image>", "<video>", "<audio>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|vision_start|>"]
CONTROL += ["<｜end▁of▁sentence｜>", "<end_of_turn>"]
HARMLESS = ["<img>", "< image >", "</image>", "im_end", "a <| b |> c", "x[INST]", "<s>", "<think>", "if a<b>c: pass"]


def rows_that_hold(text):
    """One row for each place that a text of the source or of a model may stand in."""
    places = [problem(**{name: f"a {text}"}) for name in ("problem_description", "io_requirements")]
    places.append(problem(refcode=f"def main_solution(n):\n    return {text!r}\n"))
    return [
        *({"problem": given} for given in places),
        {"input": json.dumps({text: 1})},
        {"text": f"a {text} b"},
        {"thinking": f"hm {text}"},
    ]


@pytest.mark.parametrize("text", CONTROL)
def test_control_text_of_chat_templates_rejects_a_row_wherever_it_stands(text):
    found = export(*rows_that_hold(text))
    assert {(row["stage"], row["reason"]) for row in found} == {("export", "control_text")}
    places = ["the prompt"] * 4 + ["the text", "the thinking"]
    assert [row["detail"] for row in found] == [f"f.jsonl:3: {place} holds {text}" for place in places]
    kept = export(*rows_that_hold(text), overrides=["export.control_text=keep"])
    assert {row["reason"] for row in kept} == {""}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_control_text_stays(text):
    assert {row["reason"] for row in export(*rows_that_hold(text))} == {""}


def test_values_of_python_are_shown_as_python_writes_them():
    other = {"layout": "function", "funcname": "f", "problem_description": "", "io_requirements": "", "ios": []}
    given = {"layers": {"__python__": "tuple", "of": [1, {"__python__": "dict", "of": [[2, "a"]]}]}}
    (row,) = export(
        {"problem": problem(**other), "input": json.dumps(given), "output": '{"__python__": "set", "of": [1]}'}
    )
    assert row["prompt"].startswith("Here is a program:\n\n```python\n")
    assert "\nThe input is:\n\n{'layers': (1, {2: 'a'})}\n" in row["prompt"]
    exported = training_row(row)
    assert (exported["input"], exported["output"]) == ("{'layers': (1, {2: 'a'})}", "{1}")


def test_what_a_program_reads_is_shown_as_a_text():
    other = {"layout": "stdin", "funcname": "main", "refcode": "def main():\n    print(input())", "ios": []}
    (row,) = export({"problem": problem(**other), "input": '{"stdin": "a\\n"}', "output": '"a\\n"'})
    assert "The text that it reads from standard input is:\n\n'a\\n'\n" in row["prompt"]
    assert "`main()` is called." in row["prompt"]
    assert row["prompt"].startswith("Here is a question.")
    assert training_row(row)["output"] == '"a\\n"'
