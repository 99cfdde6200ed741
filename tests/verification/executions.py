"""Programs run for real, with their evidence, for texts to be held against."""

import json
from dataclasses import fields
from functools import lru_cache

from execground_ray.python.values import Expression, read_json
from execground_ray.tracing.program import RunLimits
from execground_ray.tracing.witnessing import witness_here
from execground_ray.verification import Execution, Outcome, verify
from execground_ray.verification.watched import watches_of

LIMITS = RunLimits(max_lines=300, result_bytes=10**6, timeout_seconds=5, memory_mb=1024)


@lru_cache
def execute(refcode, arguments, text=""):
    """Run ``main_solution`` with arguments, given as JSON text, for what a text speaks of."""
    watches = watches_of(text, refcode)
    given = {name: eval(each) if isinstance(each, Expression) else each for name, each in read_json(arguments).items()}
    run = witness_here(refcode, "main_solution", given, LIMITS, 400, watches)
    found = {field.name: getattr(run.evidence, field.name) for field in fields(run.evidence)}
    return Execution("A question.", refcode, json.loads(run.output), run.trace, json.dumps(found, default=sorted))


class Told:
    """A run that sentences tell: what in them it contradicts, and how to cite a line of it."""

    def __init__(self, refcode, arguments):
        self._run = refcode, arguments
        execution = execute(refcode, arguments)
        self._lines = execution.trace.split("\n")
        self._final = f"**Final output:** `{execution.returned!r}`"
        self.whole = f"[1-{len(self._lines)}]"

    def at(self, part, number=0):
        """A citation of the record line with a part of the program in it, the ``number``-th of them."""
        found = [index for index, line in enumerate(self._lines, 1) if part in line]
        return f"[{found[number]}]"

    def contradicts(self, sentences):
        """The kinds of what is contradicted."""
        verdict = verify(f"{sentences}\n\n{self._final}", execute(*self._run, sentences))
        return {finding.kind for finding in verdict.findings if finding.outcome is Outcome.CONTRADICTED}
