"""The commands: each module is one, started with ``python -m ray_jobs.<name>``."""
