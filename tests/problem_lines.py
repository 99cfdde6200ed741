"""Problems made for tests, as lines of a corpus."""

import json

from execground_ray.corpus.splits import SAMPLE_PATH


def problem_line(number, description="", argument="n"):
    """A line of PyEdu's layout; ``number`` makes it unlike any other."""
    return json.dumps(
        {
            "problem_description": description or f"Add {number}.",
            "io_requirements": f"{argument} (int)",
            "refcode": f"def main_solution({argument}):\n    return {argument} + {number}\n",
            "funcname": "main_solution",
            "ios": [{"input": {argument: value}, "output": value + number} for value in range(3)],
            "source": "test",
            "category": "",
            "meta": {"number": number},
        }
    )


def slow_line(number):
    """A whole line, line end included, of a problem that takes a second to trace, and no CPU."""
    program = f"from time import sleep\n\n\ndef main_solution(n):\n    sleep(0.5)\n    return n + {number}\n"
    return json.dumps(json.loads(problem_line(number)) | {"refcode": program}) + "\n"


def accepted_problems():
    """The records of the bundled sample that become training rows."""
    lines = SAMPLE_PATH.read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if '"expect": "accepted"' in line]
