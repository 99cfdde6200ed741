"""What flows through the pipeline: the problem, and the row and its columns after each stage.

A problem enters the stream as one row and leaves it as its examples, or as one rejected row.
Heterogeneous values (inputs, outputs) travel as JSON text, because Arrow changes or loses them otherwise.

One row, read from line 12 of a file, before any stage has looked at it::

    {"id": "0f3c…", "locator": "pyedu.jsonl:12", "problem": "{…the line as it was…}",
     "stage": "", "reason": "", "detail": "", "problem_rows": 1, "reused": ""}
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from execground_ray.python.values import read_json
from execground_ray.reasons import Reason, Stage, stage_in

if TYPE_CHECKING:
    import pyarrow as pa  # the process that verifies does without it

Row = dict[str, Any]
MOST_ERROR_CHARS = 200
PYEDU, FUNCTION, STDIN = LAYOUTS = ("pyedu", "function", "stdin")


@dataclass(frozen=True)
class Pair:
    """One recorded input/output pair of a problem."""

    input: dict[str, Any]
    output: Any


@dataclass(frozen=True)
class Problem:
    """One problem, with the fields of CodeI/O's PyEdu corpus (arXiv 2502.07316).

    Attributes:
        layout: how its program is called, and what its values are: ``pyedu`` a function, arguments and output are
            values of JSON; ``function`` the same, but values of Python; ``stdin`` a program whose one argument
            ``stdin`` is what it reads from standard input, and whose output is what it prints.
    """

    problem_description: str
    io_requirements: str
    refcode: str
    funcname: str
    ios: tuple[Pair, ...]
    source: str
    category: str
    meta: dict[str, Any]
    layout: str = PYEDU

    @property
    def is_exact(self) -> bool:
        """Whether arguments and output are values of Python, and not only of JSON."""
        return self.layout == FUNCTION

    @property
    def question(self) -> str:
        """The task as a person reads it: the description, then what goes in and comes out."""
        return f"{self.problem_description}\n{self.io_requirements}".replace("\n\n", "\n").strip()

    @classmethod
    def from_json(cls, text: str) -> Problem:
        """Rebuild a problem from a line that the reader has already checked."""
        record = json.loads(text)
        if record.get("layout") == FUNCTION:
            record = read_json(text)
        record["refcode"] = record["refcode"].removeprefix("\ufeff")  # as Python does with a file
        record["ios"] = tuple(Pair(pair["input"], pair["output"]) for pair in record["ios"] or ())
        return cls(**{name: record[name] for name in cls.__dataclass_fields__ if name in record})


@dataclass(frozen=True)
class RowId:
    """The id of a row: ``0f3c…`` for the first row of a problem, ``0f3c…-2`` for the second.

    Attributes:
        problem: the hash of the problem's content; further copies of the same content have ``.2`` and so on behind it.
        number: which of the problem's rows it is, from 1.
    """

    problem: str
    number: int = 1

    @classmethod
    def parse(cls, text: str) -> RowId:
        """Read an id as it stands in a row."""
        problem, _, number = text.partition("-")
        return cls(problem, int(number or 1))

    def __str__(self) -> str:
        return self.problem if self.number == 1 else f"{self.problem}-{self.number}"


# The columns that each stage adds, with what a row holds there that was rejected before; the value gives the type too.
COLUMNS: dict[Stage, Row] = {
    Stage.READ: {
        "id": "",
        "locator": "",  # file and line, or dataset and row
        "problem": "",  # the problem as JSON
        "stage": "",
        "reason": "",
        "detail": "",
        "problem_rows": 1,  # the row is one of so many equal parts of its problem: see ``split_row``
        "reused": "",  # the last stage whose work was taken over from an earlier output
    },
    Stage.PREFILTER: {"pairs": "[]"},  # indices of the input/output pairs that may be used, JSON
    Stage.TRACE: {
        "pair": -1,  # index of the pair in the problem's ios
        "derived_input": False,  # whether the input is not that of the pair, but a smaller one made of it
        "input": "",  # the arguments of the call, a JSON object
        "output": "",  # the exact value that it returned, JSON
        "trace": "",
        "trace_lines": 0,
        "trace_seconds": 0.0,  # wall time of the traced run
    },
    Stage.TRANSLATE: {
        "text": "",  # as it was written, with the lines of the trace that its sentences cite
        "thinking": "",  # what a model thought before it wrote the text
        "translator": "",  # who wrote the text, a kind of translator
        "attempts": "[]",  # all answers of a model in their order, JSON: see ``translators/llm/resampling.py``
        "verdict": "",  # of the text, where the translator has had it verified: what ``Stage.VERIFY`` is to add, JSON
        "prompt_tokens": 0,  # read and written by the model in all attempts, thinking included
        "generated_tokens": 0,
    },
    Stage.VERIFY: {
        "answer_ok": False,
        "attributed": False,  # whether the text cites lines of the trace
        "evidence": False,  # whether the run itself was there to judge it
        "grounded": 0.0,  # share of the cited values and claims that the run bears out
        "coverage": 0.0,  # share of the trace's statements that some sentence tells
        "supported": 0,  # the numbers behind them
        "contradicted": 0,
        "unknown": 0,
        "untold": 0,  # statements of the trace that no sentence tells
        "findings": "[]",
    },
    Stage.EXPORT: {
        "prompt": "",  # the user's and the assistant's message, without citations
        "answer": "",
        "refused": "",  # another message of the assistant's, which the verification refused; empty without one
    },
}


def schema_after(stage: Stage, given: Iterable[str] = ()) -> pa.Schema:
    """Return the columns of the rows that ``stage`` gives, if it is given rows with these."""
    import pyarrow as pa

    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    later = set(given)
    columns = {
        name: blank for each in Stage for name, blank in COLUMNS[each].items() if stage_in(each, stage) or name in later
    }
    return pa.schema([(name, types[type(blank)]) for name, blank in columns.items()])


def passes(row: Row, stage: Stage, also: Stage | None = None) -> bool:
    """Whether a stage leaves a row as it is: it brings along what the stage would make, or has ended.

    One that the stage ``also`` has rejected does not pass for that, unless by an ``internal_error``.
    """
    if row["reused"] and stage_in(stage, Stage(row["reused"])):
        return True
    lasting = row["stage"] != also or row["reason"] in (Reason.INTERNAL_ERROR, Reason.TRACED)
    return bool(row["reason"]) and lasting


def map_rows(
    stage: Stage, batch: pa.Table, function: Callable[[Row], Row | list[Row]], also: Stage | None = None
) -> pa.Table:
    """Run a stage on a batch; rows that have ended, or have what it makes, pass untouched.

    Args:
        stage: whose columns the rows get.
        batch: rows as the stage before gives them.
        function: takes a row with blank columns of the stage; returns it filled or rejected, or the rows of
            ``split_row``. A row at which it raises is rejected as ``internal_error``; an error whose attribute
            ``of_the_job`` is true is raised on.
        also: a stage whose rejected rows the function is to get too; not those of an ``internal_error``.
    """
    import pyarrow as pa

    rows: list[Row] = []
    for given in batch.to_pylist():
        if passes(given, stage, also):
            rows.append(COLUMNS[stage] | given)
            continue
        made = _guarded(stage, given | COLUMNS[stage], function)
        rows += made if isinstance(made, list) else [made]
    return pa.Table.from_pylist(rows, schema_after(stage, batch.column_names))


def _guarded(stage: Stage, row: Row, function: Callable[[Row], Row | list[Row]]) -> Row | list[Row]:
    """Let an unforeseen exception cost its own row, and neither the block nor, as it would come again, every resume."""
    try:
        return function(dict(row))
    except (OSError, ImportError, MemoryError):  # the machine's state, no row's
        raise
    except Exception as error:
        if getattr(error, "of_the_job", False):
            raise
        logging.getLogger(__name__).exception("%s: row %s", stage, row["id"])
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        detail = f"{type(error).__name__} in {where}: {str(error)[:MOST_ERROR_CHARS]!a}"
        return reject(row, Reason.INTERNAL_ERROR, detail) | {"stage": stage.value}


def split_row(row: Row, parts: int) -> list[Row]:
    """Return ``parts`` rows in the place of one, with ids of their own; any stage may do so.

    A row with the number ``n`` of ``problem_rows`` stands for the numbers that leave the remainder ``n`` when divided
    by that; its parts share these out. So ids never meet, and a problem is whole when the parts of its rows, each
    1 / ``problem_rows``, add up to 1: a resume has to find all of them.
    """
    identity, siblings = RowId.parse(row["id"]), row["problem_rows"]
    return [
        row | {"id": str(RowId(identity.problem, identity.number + part * siblings)), "problem_rows": siblings * parts}
        for part in range(parts)
    ]


def reject(row: Row, reason: Reason, detail: str) -> Row:
    """Mark ``row`` as rejected; every later stage lets it pass untouched on its way to the write.

    Args:
        row: to be rejected.
        reason: names the stage too.
        detail: in words; the place of the problem is put before it.
    """
    return row | {"stage": reason.stage.value, "reason": reason.value, "detail": f"{row['locator']}: {detail}"}
