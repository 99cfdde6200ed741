"""An output as a source: the records of an earlier run go in, rows come out that have what need not be made again.

A row that has the work of a stage passes it untouched; one that a later stage had rejected is judged again, and one
that an unchanged stage had rejected stays so::

    {"id": "0f3c…", "locator": "pyedu.jsonl:12", "problem": "{…}", "stage": "", "reason": "", "detail": "",
     "problem_rows": 1, "reused": "trace", "pairs": "[0, 2]", "pair": 2, "input": "{…}", "output": "3", "trace": "…"}
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePath

import numpy as np
import pyarrow.parquet as pq
from pyarrow import fs

from execground_ray.config.errors import ConfigError
from execground_ray.config.schema import Config, DatasetSource
from execground_ray.corpus import near_duplicates
from execground_ray.corpus.duplicates import HASHES, SplitSurvey, reject_copy
from execground_ray.corpus.opening import open_corpus
from execground_ray.corpus.splits import Split
from execground_ray.corpus.survey import group_of
from execground_ray.corpus.windows import Array
from execground_ray.output.layout import CONFIG, RECORDS, file_of
from execground_ray.output.resume import saved_config
from execground_ray.output.reuse import Reuse, find_reuse
from execground_ray.output.rows import ended_in
from execground_ray.output.shards import ROW_GROUP, read_counted_records
from execground_ray.output.storage import Folder
from execground_ray.records import COLUMNS, Row, RowId, Stage, stage_in


@dataclass(frozen=True)
class RecordSplit:
    """The records of one write of an earlier output.

    Attributes:
        folder: of that output.
        write: which of its writes.
        name: of the file, for people.
        reuse: what of its rows is taken over.
        size_bytes: of the file.
        version: of the file: changes when it does.
    """

    folder: Folder = field(repr=False, compare=False)  # may hold credentials
    write: str
    name: str
    reuse: Reuse
    size_bytes: int
    version: str

    @property
    def last(self) -> Stage:
        """The last stage whose columns the rows have."""
        return self.reuse.last

    def survey(self, limit: int | None, signatures_seed: int | None) -> SplitSurvey:
        """Keep of each of the first ``limit`` problems what the plan needs; see ``corpus/survey.py``.

        Which of a distinct problem's rows takes part is asked again only if the prefilter is.
        """
        again = self.last is Stage.READ
        known = self._known(["problem"] if again else [])
        found, signatures = [], []
        for row in _firsts(known)[:limit]:
            content, _, copy = RowId.parse(row["id"]).problem.partition(".")
            group, weak, code = 0, not row["whole"], ""
            if again and row["problem"]:
                problem = json.loads(row["problem"])
                (group, weak), code = group_of(problem), problem["refcode"]
            found.append((int(content, 16), group, weak, int(copy or 1)))
            if signatures_seed is not None:
                signatures.append(near_duplicates.signature(code, signatures_seed))
        return SplitSurvey(len(found), np.array(found, HASHES), near_duplicates.as_rows(signatures))

    def rows(self, count: int, duplicates: Array, done: Array) -> Iterator[Row]:
        """Yield the rows of its first ``count`` problems, some hundred in memory at a time; see ``SplitPlan``.

        Of a problem whose rows are not all in this write nothing but itself is taken over.

        Raises:
            RuntimeError: there are fewer problems than the survey found.
        """
        known = self._known()
        firsts = _firsts(known)[:count]
        if len(firsts) < count:
            raise RuntimeError(f"{self.name} changed while it was being read")
        finished = frozenset(done.tolist())
        wanted = {RowId.parse(row["id"]).problem: row for index, row in enumerate(firsts) if index not in finished}
        kept = {firsts[row]["id"]: others for row, _, *others in duplicates.tolist() if others[0]}
        for row in self._records({row["id"] for row in known if RowId.parse(row["id"]).problem in wanted}):
            identity = RowId.parse(row["id"])
            last = self.last if wanted[identity.problem]["whole"] else Stage.READ
            if identity.number == 1 or stage_in(Stage.TRACE, last):
                taken = self._take_over(row, last)
                if row["id"] in kept and not taken["reason"]:
                    taken = reject_copy(taken, *kept[row["id"]])
                yield taken

    def _known(self, more: list[str] | None = None) -> list[Row]:
        """The rows that count, in little memory: ``whole`` tells whether all rows of the problem are among them."""
        columns = ["id", "stage", "reason", "problem_rows", *(more or [])]
        rows = read_counted_records(self.folder, self.write, columns).to_pylist()
        shares: defaultdict[str, Fraction] = defaultdict(Fraction)
        for row in rows:
            shares[RowId.parse(row["id"]).problem] += Fraction(1, row["problem_rows"])
        return [row | {"whole": shares[RowId.parse(row["id"]).problem] == 1} for row in rows]

    def _records(self, ids: set[str]) -> Iterator[Row]:
        names = [name for stage in Stage if stage_in(stage, self.last) for name in COLUMNS[stage]]
        with self.folder.filesystem.open_input_file(f"{self.folder.path}/{file_of(RECORDS, self.write)}") as stream:
            file = pq.ParquetFile(stream)
            present = [name for name in {*names, "findings"} if name in file.schema_arrow.names]
            for batch in file.iter_batches(ROW_GROUP, columns=present):
                yield from (row for row in batch.to_pylist() if row["id"] in ids)

    def _take_over(self, record: Row, last: Stage) -> Row:
        """The row with the work of the stages up to ``last``, and as if the later ones had not been."""
        row: Row = {}
        for stage in (stage for stage in Stage if stage_in(stage, self.last)):
            known = {name: record[name] for name in COLUMNS[stage] if name in record} if stage_in(stage, last) else {}
            row |= COLUMNS[stage] | known
        row["reused"] = last.value
        if not stage_in(Stage.TRACE, last):
            row["problem_rows"] = 1
        ended = ended_in(record)
        if not stage_in(ended, last):
            row |= {"stage": "", "reason": "", "detail": ""}
        if stage_in(Stage.TRANSLATE, last):
            row = self.reuse.own_text(row)
        if last is Stage.VERIFY and stage_in(last, ended):
            return self.reuse.judge(row) or self._take_over(record, Stage.TRANSLATE)
        return row


def open_source(config: Config) -> list[Split]:
    """Find the splits of the source, an earlier output or any other.

    Raises:
        ConfigError: it cannot be found or read, is no output of this job, or the one that this run writes to.
    """
    if not isinstance(config.source, DatasetSource):
        return open_corpus(config.source)
    try:
        return list(list_records(config.source, config))
    except (OSError, ValueError) as error:
        raise ConfigError(f"source: {str(error).partition(chr(10))[0]}") from error


def list_records(source: DatasetSource, config: Config) -> list[RecordSplit]:
    """Find the records of the output that ``source`` names, and how much of them can be taken over by this run.

    Raises:
        ConfigError: it is no output of this job, or the one that this run writes to.
    """
    folder, own = Folder.at(source.path), Folder.at(config.output.dir)
    if folder.location == own.location:
        raise ConfigError(f"source.path = {source.path!r} is output.dir too; allowed: another output.dir")
    saved = saved_config(folder) if folder.exists(CONFIG) else None
    if saved is None:
        raise ConfigError(
            f"source.path = {source.path!r} holds no {CONFIG} of this job; allowed: the output.dir of an earlier run"
        )
    selector = fs.FileSelector(f"{folder.path}/{RECORDS}", allow_not_found=True)
    files = sorted((file for file in folder.filesystem.get_file_info(selector) if file.is_file), key=_name)
    reuse = find_reuse(folder, saved, config, _name(files[0]) if files else None)
    splits = []
    for file in files:
        write, version = _name(file), f"{file.size} {file.mtime_ns}"
        place = f"{folder.location}/{file_of(RECORDS, write)}"
        splits.append(RecordSplit(folder, write, place, reuse, file.size, version))
    return splits


def _firsts(known: list[Row]) -> list[Row]:
    """The row of each problem that stands for it."""
    return [row for row in known if RowId.parse(row["id"]).number == 1]


def _name(file: fs.FileInfo) -> str:
    return PurePath(file.path).stem
