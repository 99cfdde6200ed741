"""What a run would give and cost: a configuration goes in, figures with intervals, from a sample, come out.

The sample goes through the stream's own stages in this process, programs in the cage as ever. No model is asked, and
nothing is written. What only a model could tell, how long its texts are and how many of them are true, is assumed or
left open, and said to be so.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from execground_ray.config.errors import ConfigError
from execground_ray.config.schema import Config, HttpTranslator, VllmTranslator
from execground_ray.corpus.splits import Split
from execground_ray.corpus.survey import SplitPlan, SurveyOptions, survey_corpus
from execground_ray.estimate.intervals import Value, bootstrap, scaled, wilson
from execground_ray.estimate.sample import TEXT_TOKENS, THINKING_TOKENS, find_tokenizer, run_sample
from execground_ray.output.record_split import open_source
from execground_ray.records import Row, RowId
from execground_ray.stages.read_problems import read_rows

SAMPLE_PROBLEMS = 300
SURVEY_BYTES = 64 << 20  # of a larger source so much is read, spread over it: some 19,000 problems of PyEdu

# Tokens a second, read and written, of one H100 with Qwen3-32B in 16 bits under vLLM 0.11, ShareGPT's lengths:
# docs.gpustack.ai/2.0/performance-lab/qwen3-32b/h100. TensorRT-LLM with FP8 has 4,285 there, the best case.
GPU_TOKENS_PER_SECOND = 2353.0


@dataclass(frozen=True)
class Estimate:
    """What a run would give and cost; all figures but ``sample`` and ``seen`` are of the whole source.

    Attributes:
        problems: of the source; of a large one extrapolated from the bytes that were read.
        seen: problems among which copies were looked for.
        sample: problems that were run.
        endings: problems by stage and reason, of examples both empty, with how many of the sample.
        totals: of the other figures, by the names of ``Sample``.
        generated_tokens: that a model would write, by assumption.
        tokens_of: the model whose tokenizer counted; None where characters did.
    """

    problems: int
    seen: int
    sample: int
    endings: dict[tuple[str, str], tuple[int, Value]]
    totals: dict[str, Value]
    generated_tokens: Value
    tokens_of: str | None

    @property
    def gpu_hours(self) -> Value:
        """At ``GPU_TOKENS_PER_SECOND``, read and written."""
        read, written = self.totals["prompt_tokens"], self.generated_tokens
        middle, low, high = (sum(both) / GPU_TOKENS_PER_SECOND / 3600 for both in zip(read, written, strict=True))
        return middle, low, high


def estimate(config: Config, caged: bool, wanted: int = SAMPLE_PROBLEMS) -> Estimate:
    """Run a sample of the source, drawn by the seed, and work out what the whole would give and cost.

    Raises:
        ConfigError: the source cannot be found or read, or has no problem.
    """
    splits = open_source(config)
    chosen = choose_splits(splits, config)
    options = SurveyOptions(config.source.layout, config.prefilter.near_duplicates)
    plans = survey_corpus(chosen, config.source.limit, config.seed, options=options)
    seen = sum(plan.rows for plan in plans)
    if not seen:
        raise ConfigError("source: there is no problem in it")
    problems = seen
    if len(chosen) < len(splits):
        problems = round(seen * _bytes(splits) / _bytes(chosen))
        problems = min(problems, config.source.limit or problems)
    tokenizer = find_tokenizer(config)
    sample = run_sample(config, caged, draw(plans, min(wanted, seen), config.seed), tokenizer)
    size = len(sample.rows)
    endings = {ending: (count, scaled(wilson(count, size), problems)) for ending, count in sample.endings.most_common()}
    names = ("rows", "cpu_seconds", "stored_bytes", "prompt_tokens")
    totals = {name: scaled(bootstrap(getattr(sample, name), config.seed), problems) for name in names}
    asks_model = isinstance(config.translator, VllmTranslator | HttpTranslator)
    answers = totals["rows"] if asks_model and any(sample.prompt_tokens) else (0.0, 0.0, 0.0)
    generated = scaled(answers, answer_tokens(config))
    tokens_of = getattr(config.translator, "model", None) if tokenizer else None
    return Estimate(problems, seen, size, endings, totals, generated, tokens_of)


def choose_splits(splits: list[Split], config: Config) -> list[Split]:
    """Return the splits to look at: all, or of a large source some, drawn by the seed; with a limit the first ones."""
    if _bytes(splits) <= SURVEY_BYTES:
        return splits
    order = list(range(len(splits)))
    if config.source.limit is None:
        random.Random(config.seed).shuffle(order)  # noqa: S311  (chance, not secrecy)
    share, taken = 0, []
    for index in order:
        taken.append(index)
        share += splits[index].size_bytes or SURVEY_BYTES
        if share >= SURVEY_BYTES:
            break
    return [splits[index] for index in sorted(taken)]


def draw(plans: Sequence[SplitPlan], wanted: int, seed: int) -> Iterator[list[Row]]:
    """Yield the rows of ``wanted`` problems drawn by the seed, problem by problem."""
    total = sum(plan.rows for plan in plans)
    drawn = np.sort(random.Random(seed).sample(range(total), wanted))  # noqa: S311
    first = 0
    for plan in plans:
        mine = drawn[(drawn >= first) & (drawn < first + plan.rows)] - first
        first += plan.rows
        others = np.setdiff1d(np.arange(plan.rows), mine)
        found: dict[str, list[Row]] = {}
        for row in read_rows(replace(plan, done=others)):
            found.setdefault(RowId.parse(row["id"]).problem, []).append(row)
        yield from found.values()


def answer_tokens(config: Config) -> float:
    """Return how many tokens a model writes for a row, by assumption."""
    return float(TEXT_TOKENS + (THINKING_TOKENS if thinks(config) else 0))


def thinks(config: Config) -> bool:
    """Whether a model thinks before it writes: unless it is told not to."""
    return getattr(config.translator, "enable_thinking", False) is not False


def _bytes(splits: Sequence[Split]) -> int:
    return sum(split.size_bytes or SURVEY_BYTES for split in splits)
