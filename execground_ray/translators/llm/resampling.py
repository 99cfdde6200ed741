r"""Asks a model for one row until its answer can be kept: a cut off, an empty and a refused one is asked for again.

That happens in the stage of the engine, while the row is there and its prompt is in the prefix cache; each attempt has
a seed of its own. What is kept of them stands in the column ``attempts`` of ``records/``, in the order of the asking::

    [{"text": "… [3] …", "thinking": "", "reason": "ungrounded", "detail": "`4` is not …", "findings": [{…}],
      "prompt_tokens": 812, "generated_tokens": 377},
     {"text": "… [3-5] …", "thinking": "", "reason": "", "detail": "", "findings": [], …}]

``findings`` is null where the verification was not asked: the answer was unusable before, or nobody refuses texts
(``verification.mode=score``).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import zlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from execground_ray.config.schema import HttpTranslator, VllmTranslator
from execground_ray.records import COLUMNS, Reason, Row, Stage
from execground_ray.translators.translator import Answer, MakeReferee

# Of one actor. They reserve no CPU: what they take is what the stage that verifies no longer takes of its own.
MOST_REFEREES = 4
# And what is refused; but an engine that fails has tries of its own, and a prompt stays too long.
ASKED_AGAIN = (Reason.UNFINISHED, Reason.EMPTY)
VERDICT = (*COLUMNS[Stage.VERIFY], "stage", "reason", "detail")


def row_seed(seed: int, row_id: str, attempt: int = 1) -> int:
    """Return the seed of one attempt at a row, 32 bits: it depends on nothing else, whatever the order of the rows."""
    return zlib.crc32(f"{seed}:{row_id}{f':{attempt}' if attempt > 1 else ''}".encode())


@dataclass(frozen=True)
class Ask:
    """One request for an answer.

    Attributes:
        number: which of the row's it is, from 1.
        seed: of its sampling.
        max_tokens: the longest answer; None for that of the first request.
    """

    number: int
    seed: int
    max_tokens: int | None = None


@dataclass(frozen=True)
class Attempt:
    """One answer, and what the verification says of it: the columns of ``VERDICT``, none where it was not asked."""

    answer: Answer
    verdict: Row

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Attempt:
        """Rebuild an attempt from its fields."""
        answer = fields["answer"]
        reason = Reason(answer["reason"]) if answer["reason"] else None
        return cls(Answer(**answer | {"reason": reason}), fields["verdict"])

    def told(self, locator: str) -> Row:
        """Return what ``records/`` tells of it; ``locator`` is that of the row, which knows it already."""
        verdict = self.verdict
        return {
            "text": self.answer.text,
            "thinking": self.answer.thinking,
            "reason": verdict.get("reason") or self.answer.reason or "",
            "detail": verdict.get("detail", "").removeprefix(f"{locator}: ") or self.answer.detail,
            "findings": json.loads(verdict["findings"]) if verdict else None,
            "prompt_tokens": self.answer.prompt_tokens,
            "generated_tokens": self.answer.generated_tokens,
        }


class Resampler:
    """Asks until an answer can be kept, or all attempts are made; goes to its actor before the first.

    Args:
        translator: how often, and how.
        seed: of the run.
        make_referee: makes whoever refuses texts; None if nobody does.
    """

    def __init__(
        self, translator: VllmTranslator | HttpTranslator, seed: int, make_referee: MakeReferee | None
    ) -> None:
        self.translator = translator
        self._seed = seed
        self._make_referee = make_referee
        self._referees: Referees | None = None

    async def sample(self, row_id: str, row: str, ask: Callable[[Ask], Awaitable[Answer]]) -> str:
        """Return the attempts for one row, the last of which counts, as JSON text that ``read_attempts`` reads.

        Args:
            row_id: id of the row.
            row: the row as JSON text.
            ask: gets the model's answer to one request.
        """
        attempts: list[Attempt] = []
        max_tokens: int | None = None
        while True:
            number = len(attempts) + 1
            answer = await ask(Ask(number, row_seed(self._seed, row_id, number), max_tokens))
            verdict: Row = {}
            if not answer.reason and self._make_referee:
                self._referees = self._referees or Referees(self._make_referee)
                verdict = await judged_beside(self._referees, row, answer)
            attempts.append(Attempt(answer, verdict))
            longer = self.translator.retry_max_tokens if answer.reason is Reason.UNFINISHED else None
            changed = longer not in (None, max_tokens)
            max_tokens = longer or max_tokens
            refused = answer.reason in ASKED_AGAIN or verdict.get("reason")
            if not refused or number == self.translator.attempts or not (changed or self._draws):
                return write_attempts(attempts)

    @property
    def _draws(self) -> bool:
        """Whether another seed may give another answer."""
        return self.translator.sampling_params.temperature != 0


class Referees:
    """Judge the texts of an actor's rows beside its event loop, each in a thread and with processes of its own.

    Args:
        make: makes one.
    """

    def __init__(self, make: MakeReferee) -> None:
        """None is made before there is something to judge."""
        self._make = make
        self._own = threading.local()
        self._threads = ThreadPoolExecutor(min(MOST_REFEREES, len(os.sched_getaffinity(0))), "referee")

    async def judge(self, row: Row) -> Row:
        """Return a row judged."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._judge, row)

    def _judge(self, row: Row) -> Row:
        if not hasattr(self._own, "referee"):
            self._own.referee = self._make()
        judged: Row = self._own.referee.verify(row)
        return judged


async def judged_beside(referees: Referees, row: str, answer: Answer) -> Row:
    """Return the verdict on an answer.

    What cannot be judged here has no verdict: the stage that verifies will judge it, or say why it cannot.
    """
    told = json.loads(row) | COLUMNS[Stage.VERIFY] | {"text": answer.text, "thinking": answer.thinking}
    try:
        judged = await referees.judge(told)
    except Exception:
        logging.getLogger(__name__).exception("row %s cannot be judged beside the engine", told["id"])
        return {}
    return {name: judged[name] for name in VERDICT}


def write_attempts(attempts: Sequence[Attempt]) -> str:
    """Return attempts as the JSON text that a processor gives back for a row."""
    return json.dumps([asdict(attempt) for attempt in attempts])


def read_attempts(text: str) -> list[Attempt]:
    """Return what ``write_attempts`` has written."""
    return [Attempt.from_json(fields) for fields in json.loads(text)]
