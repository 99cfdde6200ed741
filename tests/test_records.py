"""What passes through every stage: ids, the rows that one becomes, and what an unforeseen exception costs."""

import json

import pyarrow as pa
import pytest
from exported_rows import block, rejected

from execground_ray.config.errors import ConfigError
from execground_ray.records import Reason, RowId, Stage, map_rows, reject, schema_after, split_row


@pytest.mark.parametrize("text", ["0f3c", "0f3c-2", "0f3c.2", "0f3c.2-10"])
def test_an_id_reads_back(text):
    assert str(RowId.parse(text)) == text


def test_the_parts_of_a_row_never_share_an_id():
    rows = [{"id": "a", "problem_rows": 1}]
    for parts in (3, 2, 5):
        rows = [part for row in rows for part in split_row(row, parts)]
    assert len({row["id"] for row in rows}) == 30
    assert {row["problem_rows"] for row in rows} == {30}
    assert "a" in {row["id"] for row in rows}


def translate(function, *rows):
    return map_rows(Stage.TRANSLATE, block(*rows, stage=Stage.TRACE), function)


def test_a_stage_fills_its_columns_and_leaves_rejected_rows_alone():
    table = translate(lambda row: row | {"text": "t"}, {"id": "a"}, rejected("b"))
    assert table.schema == schema_after(Stage.TRANSLATE)
    assert [(row["id"], row["text"], row["reason"]) for row in table.to_pylist()] == [
        ("a", "t", ""),
        ("b", "", "too_long"),
    ]


def test_a_stage_may_ask_for_what_another_has_rejected():
    rows = [{"id": "a"}, rejected("b"), rejected("c") | {"reason": "internal_error"}, rejected("d") | {"stage": "read"}]
    batch = block(*rows, stage=Stage.TRACE)
    table = map_rows(Stage.TRANSLATE, batch, lambda row: row | {"text": "t"}, also=Stage.TRACE)
    assert table["text"].to_pylist() == ["t", "t", "", ""]


def test_an_unforeseen_exception_costs_its_own_row():
    def fail_at_b(row):
        row["text"] = "half done"
        return row if row["id"] != "b" else row["nothing\udcff"]

    first, second, third = translate(fail_at_b, {"id": "a"}, {"id": "b", "locator": "f:2"}, {"id": "c"}).to_pylist()
    assert (first["reason"], third["reason"]) == ("", "")
    assert (second["stage"], second["reason"], second["text"]) == ("translate", "internal_error", "")
    assert second["detail"].startswith("f:2: KeyError in test_records.py:")
    json.dumps(second).encode()


@pytest.mark.parametrize("error", [OSError("disk"), ImportError("x"), MemoryError(), ConfigError("no model")])
def test_what_is_no_fault_of_a_row_ends_the_job(error):
    def fail(row):
        raise error

    with pytest.raises(type(error)):
        translate(fail, {"id": "a"})


def test_a_rejected_row_says_where_it_comes_from():
    row = reject({"locator": "f:3"}, Reason.TOO_LONG, "300 lines")
    assert (row["stage"], row["reason"], row["detail"]) == ("trace", "too_long", "f:3: 300 lines")
    assert pa.scalar(row["reason"]).type == pa.string()
