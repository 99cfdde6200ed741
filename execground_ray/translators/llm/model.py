"""A language model as translator: the choice between those of the configuration, and what they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ray
from ray.data import Dataset

from execground_ray.config.schema import Config, HttpTranslator, VllmTranslator
from execground_ray.translators.llm.engine_log import start_engine_log

if TYPE_CHECKING:
    from ray.data.llm import Processor  # heavy, and only runs with a model need it


class Model(ABC):
    """A model that is known to be there; made before Ray starts, so that a mistake is known at once."""

    _log: Any = None  # of what the engines do, from ``start`` on

    @property
    @abstractmethod
    def cpus(self) -> float:
        """CPUs to leave to it for the length of the run, known once it has started."""

    def start(self) -> None:
        """Make sure that the cluster has what the model needs, and start to count.

        Raises:
            ConfigError: it has not; says what to change.
        """
        self._log = start_engine_log()

    @abstractmethod
    def translate(self, rows: Dataset) -> Dataset:
        """Add the stages that turn rows of ``TRACED_SCHEMA`` into rows of ``TRANSLATED_SCHEMA``."""

    def tokens(self) -> dict[str, Any]:
        """Return what the engines have read and written in this run, for ``summary.json``."""
        return ray.get(self._log.read.remote())


def open_model(config: Config) -> Model | None:
    """Return the model that the configuration asks for, None for the translator that needs none.

    Raises:
        ConfigError: there is no such model, or what it needs is not installed.
    """
    if isinstance(config.translator, VllmTranslator):
        from execground_ray.translators.llm.vllm import VllmModel  # only with the model: its libraries are heavy

        return VllmModel(config.translator, config.seed)
    if isinstance(config.translator, HttpTranslator):
        from execground_ray.translators.llm.http import HttpModel

        return HttpModel(config.translator, config.seed)
    return None


def replace_stage(
    processor: Processor, stage: Callable[..., Any], arguments: dict[str, Any], resources: dict[str, Any]
) -> Processor:
    """Let the only stage of a processor run another class, with these arguments, and more on its resources."""
    [(name, original)] = processor.stages.items()
    processor.stages[name] = original.model_copy(  # setting the attributes would run Ray's validators once more
        update={
            "fn": stage,
            "fn_constructor_kwargs": arguments,
            "map_batches_kwargs": original.map_batches_kwargs | resources,
        }
    )
    return processor
