"""The final answer is found in any notation, and compared by type and by value."""

import pytest

from execground_ray.verification.answer import find_statements

TRACE = "<<< Return value from main_solution: {}"


def stated(text: str, returned: object, shown: object = None) -> bool | None:
    """Whether the last statement of the answer in ``text`` is right; None if it states none."""
    statements = find_statements(text, returned, TRACE.format(repr(returned if shown is None else shown)))
    return statements[-1].right if statements else None


@pytest.mark.parametrize(
    ("text", "returned"),
    [
        ("**Final output:** `5`", 5),
        ("**Final output:** `'5'`", "5"),
        ("**Final output:** `[1, 2]`", [1, 2]),
        ("The final answer is true.", True),
        ("The final answer is three.", 3),
        ("The final answer is 1,234,567.", 1234567),
        ("The final answer is \N{MINUS SIGN}4.", -4),
        ("The final answer is 2.50.", 2.5),
        (r"The final answer is $\boxed{12}$.", 12),
        ('{"output": [1, "a"]}', [1, "a"]),
        ("The final answer is an empty list.", []),
    ],
)
def test_right_answers_are_right_in_any_notation(text: str, returned: object) -> None:
    assert stated(text, returned) is True


@pytest.mark.parametrize(
    ("text", "returned"),
    [
        ("**Final output:** `'5'`", 5),
        ("**Final output:** `5`", "5"),
        ("**Final output:** `(1, 2)`", [1, 2]),
        ("**Final output:** `1`", True),
        ("**Final output:** `5.0`", 5),
        ("The final answer is 1,234,568.", 1234567),
        (r"The final answer is $\boxed{-12}$.", 12),
        ('{"output": [1, "b"]}', [1, "a"]),
    ],
)
def test_wrong_values_and_wrong_types_are_wrong(text: str, returned: object) -> None:
    assert stated(text, returned) is False


def test_a_tuple_is_right_where_the_program_returned_one() -> None:
    assert stated("**Final output:** `(1, 2)`", [1, 2], (1, 2)) is True


def test_a_text_without_an_answer_states_none() -> None:
    assert stated("We add the numbers and go on.", 5) is None
