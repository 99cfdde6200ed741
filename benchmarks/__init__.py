"""Measurements: each module is one, started with ``python -m benchmarks.<name>``, and prints one JSON line last."""
