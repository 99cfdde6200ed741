"""Configuration: overrides come in, one frozen and checked ``Config`` goes out, or one line that says why not."""
