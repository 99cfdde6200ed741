"""The report in a real browser: it shows the dataset, filters it, points into the trace, and runs nothing of it."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_output import HOSTILE_TEXT

from execground_ray.report.figures import read_figures
from execground_ray.report.page import funnel, make_page

LISTED = "[...document.querySelectorAll('#list [role=option]')].map(item => item.dataset.id)"
DETAIL = "document.getElementById('detail').textContent"


@pytest.fixture(scope="module")
def page(small_output):
    return small_output / "report.html"


@pytest.fixture
def opened(browser, page):
    browser.open(page)
    return browser


def set_field(browser, name, value):
    browser.evaluate(
        f"""(() => {{ const field = document.getElementById({name!r}); field.value = {json.dumps(value)};
        field.dispatchEvent(new Event('input')); }})()"""
    )


def show(browser, words):
    """Show the first row that the search finds for these words."""
    set_field(browser, "search", words)


def rows(folder):
    return [json.loads(line) for path in folder.iterdir() for line in path.read_text().splitlines()]


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_renders_without_an_error_or_a_request_and_fits_the_window(browser, page, width, scheme):
    browser.open(page, width=width, scheme=scheme)
    assert browser.errors == []
    assert browser.requests == [page.as_uri()]
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    assert browser.evaluate("document.querySelectorAll('figure svg').length") >= 4
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(background) < 60) == (scheme == "dark")


def test_every_row_is_listed_accepted_ones_first(opened, small_output):
    train, rejected = (sorted(row["id"] for row in rows(small_output / name)) for name in ("train", "rejected"))
    assert opened.evaluate(LISTED) == train + rejected
    assert "All 8 accepted and 5 rejected rows" in opened.evaluate("document.getElementById('sample').textContent")


def test_the_funnel_counts_and_filters(opened, small_output):
    opened.evaluate("document.querySelector('.chip[data-reason=exception]').click()")
    (listed,) = opened.evaluate(LISTED)
    (expected,) = (row for row in rows(small_output / "rejected") if row["reason"] == "exception")
    assert listed == expected["id"]
    assert expected["detail"] in opened.evaluate(DETAIL)
    assert "return 1 / 0" in opened.evaluate(DETAIL)
    opened.evaluate("document.querySelector('.chip[data-kind=accepted]').click()")
    assert len(opened.evaluate(LISTED)) == 8


def test_the_filters_narrow_the_list_together(opened):
    set_field(opened, "kind", "rejected")
    assert len(opened.evaluate(LISTED)) == 5
    set_field(opened, "stage", "trace")
    assert len(opened.evaluate(LISTED)) == 3
    set_field(opened, "reason", "too_long")
    assert len(opened.evaluate(LISTED)) == 1
    set_field(opened, "search", "nothing has these words")
    assert opened.evaluate(LISTED) == []
    opened.evaluate(
        "document.querySelector('#filters [type=reset]').click(), new Promise(done => setTimeout(done, 50))"
    )
    assert len(opened.evaluate(LISTED)) == 13


def test_a_row_is_found_by_its_id(opened, small_output):
    wanted = rows(small_output / "train")[3]["id"]
    set_field(opened, "search", wanted.upper())
    assert opened.evaluate(LISTED) == [wanted]
    assert wanted in opened.evaluate(DETAIL)


def test_a_cited_value_shows_where_in_the_trace_it_comes_from(opened):
    show(opened, "Double the steps")
    lit = opened.evaluate(
        """(() => { const values = [...document.querySelectorAll('.text .value')];
        values.findLast(value => value.textContent === '0' && value.closest('.text')).dispatchEvent(
            new PointerEvent('pointerover', {bubbles: true}));
        return [...document.querySelectorAll('.trace .row.hit .line')].map(row => row.textContent); })()"""
    )
    assert [line.strip() for line in lit] == ["<<< Return value from main_solution: 0"]
    assert "line" in opened.evaluate("document.querySelector('.note').textContent")
    opened.evaluate(
        "document.querySelector('.text .on').dispatchEvent(new PointerEvent('pointerout', {bubbles: true}))"
    )
    assert opened.evaluate("document.querySelectorAll('.row.hit, .row.also').length") == 0


POINT_AT = "dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))"


def test_words_show_the_lines_that_they_tell_and_a_line_its_words(opened):
    show(opened, "Double the steps")
    opened.evaluate(f"document.querySelectorAll('[data-passage]')[0].{POINT_AT}")
    lines = opened.evaluate("[...document.querySelectorAll('.trace .row.cited .number')].map(part => part.textContent)")
    assert lines == ["1", "2", "3"]
    opened.evaluate(f"document.querySelectorAll('.trace .row')[3].{POINT_AT}")
    words = opened.evaluate("[...document.querySelectorAll('.text .cited')].map(part => part.textContent).join('')")
    assert "total" in words
    assert "is called with" not in words
    assert opened.evaluate("document.querySelectorAll('.row.untold').length") == 0
    assert "tells 100% of the steps" in opened.evaluate("document.querySelector('.reasoning h4').textContent")


def test_nothing_of_the_corpus_becomes_html_or_runs(opened):
    show(opened, "hacked")
    detail = opened.evaluate(DETAIL)
    assert detail.count(HOSTILE_TEXT) >= 3  # the question, the code and the reasoning
    assert opened.evaluate("document.images.length") == 0
    assert opened.evaluate("window.hacked === undefined")
    assert opened.errors == []


def test_what_was_found_in_a_text_is_marked_in_it(browser, folder, small_output, summary, tmp_path):
    """A finding with a span behind a character that JavaScript counts twice."""
    changed = tmp_path / "out"
    for name in ("train", "rejected"):
        (changed / name).mkdir(parents=True)
        for path in (small_output / name).iterdir():
            (changed / name / path.name).write_bytes(path.read_bytes())
    (changed / "records").mkdir()
    for path in sorted((small_output / "records").iterdir()):
        table = pq.read_table(path)
        records = table.to_pylist()
        for record in records:
            if record["text"]:
                record["text"] = "😀 the total is 41 now"
                finding = {"kind": "value", "start": 15, "end": 17, "message": "41 occurs nowhere"}
                unknown = {"kind": "call", "start": 2, "end": 5, "message": "who knows", "outcome": "unknown"}
                record["findings"] = json.dumps([finding | {"outcome": "contradicted"}, unknown])
        pq.write_table(pa.Table.from_pylist(records, table.schema), changed / "records" / path.name)
    source = type(folder).at(str(changed))
    (tmp_path / "report.html").write_text(make_page(source, summary, read_figures(source)))
    browser.open(tmp_path / "report.html")
    assert browser.evaluate("document.querySelector('.finding.contradicted').textContent") == "41"
    assert browser.evaluate("document.querySelector('.finding.unknown').textContent") == "the"
    assert "value: 41 occurs nowhere" in browser.evaluate("document.querySelector('.finding.contradicted').title")
    assert "41 occurs nowhere" in browser.evaluate("document.querySelector('.findings').textContent")
    assert len(browser.evaluate(LISTED)) == 13
    set_field(browser, "kind", "flawed")
    assert len(browser.evaluate(LISTED)) == 8
    assert "What the verification found" in browser.evaluate("document.querySelector('.charts').textContent")
    assert browser.errors == []


def test_a_dataset_without_rows_has_a_page_too(browser, folder, summary, tmp_path):
    empty = type(folder).at(str(tmp_path / "none"))
    counts = {"problems_read": 0, "problems_with_examples": 0, "problems_rejected": 0, "examples": 0, "rejected": {}}
    path = tmp_path / "report.html"
    path.write_text(make_page(empty, summary | counts, read_figures(empty)))
    browser.open(path)
    assert browser.errors == []


def test_the_funnel_gives_each_stage_what_the_one_before_left(summary):
    steps = funnel(summary)
    assert [(step["stage"], step["given"], step["rejected"]) for step in steps] == [
        ("read", 13, 1),
        ("prefilter", 12, 1),
        ("trace", 11, 3),
        ("translate", 8, 0),
        ("verify", 8, 0),
        ("export", 8, 0),
    ]
