"""Reasoning by rule: a trace comes in, its retelling in words goes out; no model, and the same text every time."""
