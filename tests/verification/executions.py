"""Programs run for real, with their evidence, for texts to be held against."""

import json
from dataclasses import fields
from functools import lru_cache

from execground_ray.tracing.program import RunLimits
from execground_ray.tracing.witnessing import witness_here
from execground_ray.verification import Execution
from execground_ray.verification.watched import watches_of

LIMITS = RunLimits(max_lines=300, result_bytes=10**6, timeout_seconds=5, memory_mb=1024)


@lru_cache
def execute(refcode, arguments, text=""):
    """Run ``main_solution`` with arguments, given as JSON text, for what a text speaks of."""
    watches = watches_of(text, refcode)
    run = witness_here(refcode, "main_solution", json.loads(arguments), LIMITS, 400, watches)
    found = {field.name: getattr(run.evidence, field.name) for field in fields(run.evidence)}
    return Execution("A question.", refcode, json.loads(run.output), run.trace, json.dumps(found, default=sorted))
