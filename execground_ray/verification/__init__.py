"""Whether a text is true to the execution: pure Python, no model, no Ray."""

from execground_ray.verification.facts import Evidence
from execground_ray.verification.finding import Finding, Kind
from execground_ray.verification.verdict import Verdict, judge, verify
from execground_ray.verification.verifier import UnverifiableError, Verifier

__all__ = ["Evidence", "Finding", "Kind", "UnverifiableError", "Verdict", "Verifier", "judge", "verify"]
