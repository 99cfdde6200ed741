"""What is used of other libraries beyond what they promise: one module for each, the only place that imports it.

Such a name can be gone in the next version. Where that would raise nothing by itself, the module looks when it is
loaded: a class is still overridden then, a setting still read. The versions are held in ``pyproject.toml``.
"""
