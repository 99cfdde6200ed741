"""The report of a dataset for people: one HTML file that opens from disk and loads nothing else.

Whatever a corpus holds is shown as text: the texts of rows are packed, and the page's own script is the only one that
its security policy lets run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from execground_ray.output.rows import is_rejected
from execground_ray.output.storage import Folder
from execground_ray.reasons import ORDER
from execground_ray.records import Stage
from execground_ray.report.charts import Histogram, draw_counts, draw_histogram, draw_throughput
from execground_ray.report.examples import PER_KIND, pack, pick_rows, read_examples
from execground_ray.report.figures import Figures

HERE = Path(__file__).parent
SCRIPTS = ("reasoning.js", "page.js")


def make_page(folder: Folder, summary: dict[str, Any], figures: Figures, per_kind: int = PER_KIND) -> str:
    """Return the whole page.

    Args:
        folder: of the dataset.
        summary: the content of ``summary.json``.
        figures: of all rows.
        per_kind: rows to show, accepted and rejected each.
    """
    seed = summary["config"]["seed"]
    examples = read_examples(folder, pick_rows(figures, seed, per_kind))
    script = "\n".join((HERE / name).read_text("utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = templates(autoescape=True).get_template("page.html")
    return template.render(
        summary=summary,
        funnel=funnel(summary),
        traced=summary.get("traced", 0),
        verification=figures.verification,
        flawed=figures.flawed.total(),
        charts=draw_charts(figures, summary.get("throughput", [])),
        accepted=sum(not is_rejected(example["reason"]) for example in examples),
        shown=len(examples),
        rows=figures.rows.num_rows,
        seed=seed,
        facts=run_facts(summary),
        config=json.dumps(summary["config"], indent=2, ensure_ascii=False),
        style=(HERE / "page.css").read_text("utf-8"),
        script=script,
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        data=pack(examples),
    )


def templates(*, autoescape: bool) -> Environment:
    """Return what reads the templates beside this file; a name that they do not get is an error."""
    loader = FileSystemLoader(HERE)
    return Environment(loader=loader, autoescape=autoescape, undefined=StrictUndefined, trim_blocks=True)  # noqa: S701


def funnel(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Return, for each stage in the order of the stream, the problems it was given and those it rejected, by reason.

    Where nothing was to be translated it ends with the traces.
    """
    left = summary["problems_read"]
    steps = []
    for stage in [stage for stage in Stage if not (summary.get("traced") and ORDER[stage] > ORDER[Stage.TRACE])]:
        reasons = summary["rejected"].get(stage.value, {})
        rejected = sum(reasons.values())
        steps.append({"stage": stage.value, "given": left, "rejected": rejected, "reasons": reasons})
        left -= rejected
    return steps


def draw_charts(figures: Figures, throughput: list[list[float]]) -> list[dict[str, str]]:
    """Return the drawings that the rows have figures for, each with its title."""
    examples = figures.examples
    column = {name: examples[name].to_numpy() for name in ("trace_lines", "words", "values", "trace_seconds")}
    milliseconds = np.maximum(column["trace_seconds"] * 1000, 0.1)
    drawings = [
        ("Length of the traces", draw_histogram(Histogram(column["trace_lines"], "lines", "examples"))),
        ("Length of the texts", draw_histogram(Histogram(column["words"], "words", "examples"))),
        ("Values cited in a text", draw_histogram(Histogram(column["values"], "values", "examples"))),
        ("Time of a traced run", draw_histogram(Histogram(milliseconds, "ms", "examples", logarithmic=True))),
    ]
    if "generated_tokens" in examples.column_names:
        tokens = examples["generated_tokens"].to_numpy()
        if tokens.any():
            drawings.append(("Tokens that the model wrote", draw_histogram(Histogram(tokens, "tokens", "examples"))))
    drawings.append(("Problems finished over time", draw_throughput(throughput)))
    drawings.append(("What the verification found", draw_counts(figures.flawed, "texts")))
    return [{"title": title, "svg": svg} for title, svg in drawings if svg]


def run_facts(summary: dict[str, Any]) -> dict[str, str]:
    """Return what made the dataset, for a short table."""
    config = summary["config"]
    source, translator, sandbox = config["source"], config["translator"], summary["sandbox"]
    return {
        "source": " ".join(str(part) for part in (source["kind"], source.get("path")) if part),
        "translator": " ".join(str(part) for part in (translator["kind"], translator.get("model")) if part),
        "sandbox": ", ".join(
            [sandbox["kind"], *(f"without {each}" for each in sandbox.get("missing_protections", []))]
        ),
        "python": summary["python"],
        **summary["versions"],
    }
