"""A finished dataset goes in; ``report.html`` and ``README.md`` appear beside it, on demand all of it on the Hub."""

from __future__ import annotations

import json
from pathlib import Path

from execground_ray.output.layout import CARD, ENDINGS, REPORT, SUMMARY, UNFINISHED
from execground_ray.output.storage import Folder
from execground_ray.report.card import make_card
from execground_ray.report.figures import read_figures
from execground_ray.report.page import make_page


def present(folder: Folder) -> None:
    """Make the report and the card of the dataset in ``folder`` from nothing but its files.

    Raises:
        FileNotFoundError: it has no summary, or a shard without records.
    """
    summary = json.loads(folder.read_text(SUMMARY))
    figures = read_figures(folder)
    folder.write_text(CARD, make_card(summary, figures))
    folder.write_text(REPORT, make_page(folder, summary, figures))
    folder.delete(UNFINISHED)


def push_to_hub(output_dir: str, repository: str) -> str:
    """Upload a dataset and return its address; a repository that is not there is created, private.

    Shards of a former upload are deleted: those of another run have other names.

    Raises:
        huggingface_hub.errors.HfHubHTTPError: the Hub refuses, as it does where the token may not write.
    """
    from huggingface_hub import HfApi

    hub = HfApi()
    hub.create_repo(repository, repo_type="dataset", private=True, exist_ok=True)
    hub.upload_folder(
        repo_id=repository,
        repo_type="dataset",
        folder_path=Path(output_dir.removeprefix("file://")).expanduser(),
        allow_patterns=[f"{name}/*" for name in ENDINGS] + ["*.json", "*.yaml", CARD, REPORT],
        delete_patterns=[f"{name}/*" for name in ENDINGS],
        commit_message="Dataset of execground-ray",
    )
    return f"{hub.endpoint}/datasets/{repository}"
