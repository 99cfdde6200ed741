"""The replay of a hostile program ends, and gives nothing."""

import pytest

from execground_ray.verification.program import Program
from execground_ray.verification.replay import replay


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "return main_solution()",
        "text = 'x'\n    while True: text = text + text",
        "number = 3\n    while True: number = number * number",
        "return 10 ** 10 ** 9",
        "return 1 << 10 ** 9",
        "return [0] * 10 ** 9",
        "return list(range(10 ** 9))",
        "import itertools\n    return ''.join(itertools.repeat('x'))",
        "import os\n    return os.getcwd()",
        "return ().__class__.__base__.__subclasses__()",
    ],
)
def test_ends_without_a_result(body: str) -> None:
    assert replay(Program(f"def main_solution():\n    {body}"), "main_solution", {}) is None


def test_a_plain_program_is_replayed() -> None:
    done = replay(Program("def main_solution(n):\n    return n + 1"), "main_solution", {"n": 3})
    assert done is not None
    assert done[1] == 4
