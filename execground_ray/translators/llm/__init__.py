"""Reasoning by a language model: a prompt about an execution goes out to vLLM or a server, an answer comes back."""
