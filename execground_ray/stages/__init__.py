"""The stages of the stream, one module each: pure functions on rows, and the thin classes that Ray Data runs."""
