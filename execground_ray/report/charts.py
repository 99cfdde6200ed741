"""Figures go in, drawings come out: SVG by Vega-Lite, in the colours of the page that holds them.

Colours are CSS variables, so that one drawing serves light and dark; each bar says its figures in ``aria-label``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import vl_convert

WIDTH, HEIGHT = 300, 130
BINS = 28
_CONFIG = {
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "titleFontWeight": "normal",
        "titleFontSize": 12,
        "labelFontSize": 11,
        "labelFont": "system-ui, sans-serif",
        "titleFont": "system-ui, sans-serif",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
    },
}


@dataclass(frozen=True)
class Histogram:
    """One distribution to draw.

    Attributes:
        values: what is distributed.
        unit: what the horizontal axis shows.
        counted: what the bars count.
        logarithmic: whether the horizontal axis is; values must be positive then.
    """

    values: np.ndarray
    unit: str
    counted: str
    logarithmic: bool = False


def draw_histogram(histogram: Histogram) -> str:
    """Return the SVG of a distribution; empty if there is nothing to show."""
    edges, whole = _edges(histogram)
    if not len(edges):
        return ""
    counts, _ = np.histogram(histogram.values, edges)
    bars = [
        {"from": float(low), "to": float(high), "count": int(count), "says": _says(low, high, whole, count, histogram)}
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    ]
    scale: dict[str, Any] = {"type": "log" if histogram.logarithmic else "linear", "nice": False}
    scale["domain"] = [float(edges[0]), float(edges[-1])]
    axis: dict[str, Any] = {"grid": False, "tickCount": 5, "labelFlush": False, "labelOverlap": True}
    if histogram.logarithmic:
        axis["values"] = [step * 10.0**power for power in range(-2, 8) for step in (1, 3)]
    encoding = {
        "x": {"field": "from", "type": "quantitative", "scale": scale, "axis": axis, "title": histogram.unit},
        "x2": {"field": "to"},
        "y": {
            "field": "count",
            "type": "quantitative",
            "title": None,
            "axis": {"tickCount": 3, "tickMinStep": 1, "domain": False, "ticks": False},
        },
        "y2": {"datum": 0},
        "description": {"field": "says"},
    }
    mark = {"type": "rect", "fill": "var(--accent)", "stroke": "var(--card)", "strokeWidth": 1}
    return _svg({"data": {"values": bars}, "mark": mark, "encoding": encoding, "width": WIDTH, "height": HEIGHT})


def draw_counts(counts: dict[str, int], counted: str) -> str:
    """Return the SVG of counts by name, the largest first; empty if there are none."""
    if not counts:
        return ""
    bars = [
        {"name": name.replace("_", " "), "count": count, "says": f"{name.replace('_', ' ')}: {count:,} {counted}"}
        for name, count in sorted(counts.items(), key=lambda item: -item[1])
    ]
    axis = {"domain": False, "ticks": False, "labelPadding": 8}
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": axis}
    x: dict[str, Any] = {"field": "count", "type": "quantitative", "axis": None}
    bar = {
        "mark": {"type": "bar", "color": "var(--warn)", "height": {"band": 0.62}, "cornerRadiusEnd": 2},
        "encoding": {"x": x, "y": y, "description": {"field": "says"}},
    }
    text = {
        "mark": {"type": "text", "align": "left", "dx": 5, "fill": "var(--soft)", "font": "system-ui, sans-serif"},
        "encoding": {"x": x, "y": y, "text": {"field": "count", "type": "quantitative", "format": ","}},
    }
    return _svg({"data": {"values": bars}, "layer": [bar, text], "width": WIDTH - 110, "height": {"step": 24}})


def draw_throughput(points: Sequence[Sequence[float]]) -> str:
    """Return the SVG of the work done over time; empty with fewer than three points.

    Args:
        points: seconds since the start and problems finished by then, in order.
    """
    if len(points) < 3:
        return ""
    last = points[-1][0]
    size, unit = next((size, unit) for size, unit in ((3600, "hours"), (60, "minutes"), (1, "seconds")) if last >= size)
    values = [{"time": seconds / size, "done": done} for seconds, done in points]
    encoding = {
        "x": {"field": "time", "type": "quantitative", "title": unit, "axis": {"grid": False, "tickCount": 5}},
        "y": {
            "field": "done",
            "type": "quantitative",
            "title": None,
            "axis": {"tickCount": 3, "domain": False, "ticks": False},
        },
    }
    mark = {"type": "area", "color": "var(--accent)", "fillOpacity": 0.18}
    mark["line"] = {"color": "var(--accent)", "strokeWidth": 2}
    return _svg({"data": {"values": values}, "mark": mark, "encoding": encoding, "width": WIDTH, "height": HEIGHT})


def _edges(histogram: Histogram) -> tuple[np.ndarray, bool]:
    """The ends of the bars, and whether these are whole numbers, of which the last belongs to the next bar."""
    values = histogram.values
    if not len(values):
        return np.array([]), False
    low, high = float(values.min()), float(values.max())
    if histogram.logarithmic:
        first, last = math.floor(math.log10(low) * 10) / 10, math.ceil(math.log10(high) * 10) / 10
        return np.logspace(first, max(last, first + 0.5), BINS + 1), False
    step = max(1, math.ceil((high - low + 1) / BINS))
    first = low // step * step
    return np.arange(first, high + step + 1, step)[: BINS + 3], True


def _says(low: float, high: float, whole: bool, count: int, histogram: Histogram) -> str:
    """The words of one bar."""
    if not whole:
        span = f"{low:.3g} to {high:.3g}"
    else:
        span = f"{low:,.0f}" if high - low == 1 else f"{low:,.0f} to {high - 1:,.0f}"
    return f"{span} {histogram.unit}: {count:,} {histogram.counted}"


def _svg(spec: dict[str, Any]) -> str:
    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "config": _CONFIG, "padding": 2, **spec}
    return str(vl_convert.vegalite_to_svg(whole))
