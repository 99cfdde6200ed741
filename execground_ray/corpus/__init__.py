"""The corpus: the configured ``source`` comes in, plans for reading its problems in parallel go out."""
