"""Makes the report and the dataset card of a finished output again: ``python -m ray_jobs.report <output.dir>``.

Exit codes: 0 done; 2 the path is no finished output of this job.
"""

from __future__ import annotations

import argparse
import sys

from execground_ray.output.layout import REPORT, SUMMARY
from execground_ray.output.storage import Folder
from execground_ray.report.presentation import present

DONE, REFUSED = 0, 2


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ray_jobs.report", description=__doc__)
    parser.add_argument("output", help="folder or URI of a finished dataset")
    output = parser.parse_args().output
    folder = Folder.at(output)
    if not folder.exists(SUMMARY):
        print(f"error: {output} holds no {SUMMARY}, so it is no finished output", file=sys.stderr)
        return REFUSED
    try:
        present(folder)
    except FileNotFoundError as error:
        print(f"error: {output} cannot be shown, a file is missing: {error}", file=sys.stderr)
        return REFUSED
    print(f"{output}/{REPORT}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
