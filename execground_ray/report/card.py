"""The dataset card: what the Hugging Face Hub and a reader want to know of a dataset, as its ``README.md``."""

from __future__ import annotations

import posixpath
from typing import Any

from huggingface_hub import DatasetCardData

from execground_ray.output.layout import CARD_SIGN, PREFERENCE, TRAIN
from execground_ray.report.figures import Figures
from execground_ray.report.page import run_facts, templates

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGER = "1M<n<10M"


def make_card(summary: dict[str, Any], figures: Figures) -> str:
    """Return the card of a dataset with this ``summary.json`` and these figures."""
    export = summary["config"]["export"]
    output = summary["config"]["output"]["dir"]
    repository = export["push_to_hub"]
    metadata = DatasetCardData(
        license=export["license"] or "unknown",
        language="en",
        task_categories=["text-generation"],
        tags=["code", "reasoning", "chain-of-thought", "execution-trace", "synthetic"],
        pretty_name=CARD_SIGN.partition(": ")[2],
        size_categories=next((name for most, name in SIZES if summary["examples"] < most), LARGER),
        configs=[
            {"config_name": name, "data_files": [{"split": "train", "path": f"{folder}/*.jsonl"}]}
            for name, folder, count in (
                ("default", TRAIN, summary["examples"]),
                ("preference", PREFERENCE, summary.get("preference_pairs")),
            )
            if count
        ],
    )
    return (
        templates(autoescape=False)
        .get_template("card.md")
        .render(
            metadata=metadata.to_yaml(),
            summary=summary,
            facts=run_facts(summary),
            license=export["license"] or "unknown",
            verification=figures.verification,
            flawed=figures.flawed.most_common(),
            repository=repository,
            location=repository or output,
            folder=posixpath.basename(output.rstrip("/")) if repository else output,
        )
    )
