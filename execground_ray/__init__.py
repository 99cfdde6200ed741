"""execground-ray: problems in, verified chain-of-thought training rows out.

Importing this package is cheap: it loads neither Ray nor a model library.
"""

__version__ = "0.3.0"
