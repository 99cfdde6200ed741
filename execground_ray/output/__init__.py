"""The output folder: rows come in, the files of a dataset go out, each row exactly once, also across crashes."""
