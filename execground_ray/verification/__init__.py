"""Whether a text is true to the execution: pure Python, no model, no Ray."""

from execground_ray.verification.citations import read_citations, strip_citations
from execground_ray.verification.finding import Finding, Kind, Outcome
from execground_ray.verification.verdict import Execution, Verdict, judge, verify
from execground_ray.verification.verifier import UnverifiableError, Verifier

__all__ = [
    "Execution", "Finding", "Kind", "Outcome", "UnverifiableError", "Verdict", "Verifier", "judge",
    "read_citations", "strip_citations", "verify",
]  # fmt: skip
