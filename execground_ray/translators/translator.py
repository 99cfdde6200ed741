"""The contract of whoever writes the reasoning: executions come in as rows, the same rows go out with an answer.

A translator is a choice of ``conf/translator/``. Its settings in ``config/schema.py`` name the class that does it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from execground_ray.records import Reason, Row, reject

if TYPE_CHECKING:
    from ray.data import Dataset

    from execground_ray.config.schema import Config

NO_PROGRESS_SECONDS = 600.0


@dataclass(frozen=True)
class Answer:
    """What a translator gives for one execution.

    Attributes:
        text: the reasoning for the reader.
        thinking: what a model thought before it wrote the text.
        reason: why the text cannot be used; None if it can.
        detail: the same in words.
        prompt_tokens: read by a model.
        generated_tokens: written by it, thinking included.
    """

    text: str
    thinking: str = ""
    reason: Reason | None = None
    detail: str = ""
    prompt_tokens: int = 0
    generated_tokens: int = 0

    def put_into(self, row: Row, translator: str) -> Row:
        """Return ``row`` with this answer of a kind of translator, rejected if it cannot be used."""
        if self.reason:
            return reject(row, self.reason, self.detail)
        return row | {"text": self.text, "thinking": self.thinking, "translator": translator}


class Referee(Protocol):
    """Who tells whether a text is true to its execution; made in the thread that uses it."""

    def verify(self, row: Row) -> Row:
        """Return a row that has a text with the columns of ``Stage.VERIFY``, rejected if the text is not true."""


MakeReferee = Callable[[], Referee]


class Translator(ABC):
    """Who writes the reasoning; made before Ray starts, so that a mistake is known at once.

    Attributes:
        patience_seconds: how long nothing may come out of it.
    """

    patience_seconds: float = NO_PROGRESS_SECONDS

    @property
    def cpus(self) -> float:
        """CPUs to leave to it for the length of the run, known once it has started."""
        return 0.0

    def start(self) -> None:  # noqa: B027  (most need nothing)
        """Make sure that the cluster has what the translator needs.

        Raises:
            ConfigError: it has not; says what to change.
        """

    @abstractmethod
    def translate(self, rows: Dataset, task: dict[str, Any], make_referee: MakeReferee | None = None) -> Dataset:
        """Add the stages that fill the columns of ``Stage.TRANSLATE``; rejected rows pass untouched.

        Args:
            rows: executions.
            task: options of ``map_batches`` for a stage that takes next to nothing.
            make_referee: makes whoever refuses texts, for translators that can write another; None if nobody does.
        """

    def tokens(self) -> dict[str, Any] | None:
        """Return what a model has read and written in this run, for ``summary.json``; None without one."""
        return None


def open_translator(config: Config) -> Translator:
    """Return the translator that the configuration asks for; its libraries are loaded only now.

    Raises:
        ConfigError: it cannot work like this, or what it needs is not installed.
    """
    module, _, name = config.translator.implementation.partition(":")
    translator: Translator = getattr(import_module(module), name)(config.translator, config.seed)
    return translator
