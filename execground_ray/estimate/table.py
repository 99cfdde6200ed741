"""An estimate as a table for a terminal, with what was assumed said below it."""

from __future__ import annotations

from execground_ray.config.schema import Config, HttpTranslator, VllmTranslator
from execground_ray.estimate.estimate import GPU_TOKENS_PER_SECOND, Estimate, answer_tokens, thinks
from execground_ray.estimate.intervals import Value, scaled, wilson
from execground_ray.estimate.sample import CHARACTERS_PER_TOKEN
from execground_ray.records import Reason

GIB = 1 << 30


def table(estimate: Estimate, config: Config) -> str:
    """Return the figures, each with its 95 % interval, and what they rest on."""
    asks_model = isinstance(config.translator, VllmTranslator | HttpTranslator)
    lines = [f"{'':44}{'sample':>8}{'of all':>12}   95 % interval"]
    lines.append(f"{'problems':44}{estimate.sample:>8,}{estimate.problems:>12,}")
    for (stage, reason), (count, value) in estimate.endings.items():
        name = f"rejected       {stage}: {reason}" if reason else "with examples"
        if reason == Reason.TRACED:
            name = "to be asked of the model" if asks_model else "traced, to be translated"
        lines.append(f"{name:44}{count:>8,}{_figures(value, whole=True)}")
    rows = "rows before the model's texts are verified" if asks_model else "rows"
    lines.append(f"{rows:44}{'':8}{_figures(estimate.totals['rows'], whole=True)}")
    lines.append(f"{'CPU hours':44}{'':8}{_figures(scaled(estimate.totals['cpu_seconds'], 1 / 3600))}")
    lines.append(f"{'storage, GiB':44}{'':8}{_figures(scaled(estimate.totals['stored_bytes'], 1 / GIB))}")
    if asks_model:
        lines.append(f"{'prompt tokens, million':44}{'':8}{_figures(scaled(estimate.totals['prompt_tokens'], 1e-6))}")
        lines.append(f"{'tokens to be written, million':44}{'':8}{_figures(scaled(estimate.generated_tokens, 1e-6))}")
        lines.append(f"{'GPU hours':44}{'':8}{_figures(estimate.gpu_hours)}")
    return "\n".join([*lines, "", *notes(estimate, config)])


def notes(estimate: Estimate, config: Config) -> list[str]:
    """Return what the figures rest on, a line each."""
    most = wilson(0, estimate.sample)[2] * estimate.problems
    found = [
        f"A reason that the sample does not have may still take up to {most:,.0f} problems.",
        "CPU time is that of the stages, without Ray's own and without what starts them.",
    ]
    if estimate.seen < estimate.problems:
        found.append(
            f"The source is large: {estimate.seen:,} of its problems were looked at, and their number is taken from "
            "their share of the bytes; copies of problems outside these are not known, so duplicates will be more."
        )
    if isinstance(config.translator, VllmTranslator | HttpTranslator):
        model = config.translator.model
        counted = f"by the tokenizer of {model}" if estimate.tokens_of else f"as {CHARACTERS_PER_TOKEN} characters each"
        found += [
            f"Prompt tokens are counted {counted}; of those written it is assumed that they are "
            f"{answer_tokens(config):,.0f} a row, {'with' if thinks(config) else 'without'} thinking.",
            f"GPU hours: at {GPU_TOKENS_PER_SECOND:,.0f} tokens a second, read and written, of one H100 "
            "(Qwen3-32B, vLLM; published, not measured here).",
            "How many texts the verification will reject is not known before the model has written some.",
        ]
    return found


def _figures(value: Value, *, whole: bool = False) -> str:
    middle, low, high = (_number(each, whole=whole) for each in value)
    return f"{middle:>12}   {low} to {high}"


def _number(value: float, *, whole: bool) -> str:
    """A number of things, or one with three digits at least."""
    digits = 0 if whole or value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 4
    return f"{value:,.{digits}f}"
