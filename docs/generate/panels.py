"""Draws a CloudWatch dashboard with the data of some hours, as SVG.

Supported is what the template's dashboard uses: named metrics, ``Search``,
``100 * ID`` and ``ID / ID``. Anything else raises NotImplementedError.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from docs.generate.searches import Search
from tests.alarms.metrics import Metric

type Samples = Mapping[Metric, Sequence[tuple[float, float]]]
"""Times in seconds since the beginning, and values."""
type Points = dict[int, float]
"""Values by bucket."""

BUCKET_SECONDS = 180
"""CloudWatch also uses longer periods for longer time ranges."""
COLUMN, ROW, GAP = 50, 24, 6
COLOURS = ("#1f77b4", "#d9541e", "#2a8f2a", "#8c4fb0", "#b8860b", "#17a2a8", "#c2407f", "#5a5a5a")
LABELS, LABEL_CHARACTERS = 4, 34
_TIMES = re.compile(r"(?P<factor>\d+) \* (?P<id>\w+)")
_SHARE = re.compile(r"(?P<over>\w+) / (?P<under>\w+)")


@dataclass(frozen=True)
class Line:
    """One line of a panel."""

    label: str
    points: Points


def drawn(widgets: Sequence[Mapping[str, Any]], samples: Samples, hours: int) -> str:
    """The picture. Of alarms it shows only their number: their states are not simulated."""
    width = max(item["x"] + item["width"] for item in widgets) * COLUMN
    height = max(item["y"] + item["height"] for item in widgets) * ROW
    panels = "\n".join(_panel(item, samples, hours) for item in widgets)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11" fill="#222">\n'
        f'<rect width="{width}" height="{height}" fill="#f4f5f7"/>\n{panels}\n</svg>\n'
    )


def lines_of(properties: Mapping[str, Any], samples: Samples) -> list[Line]:
    """The lines of a metric widget, without metrics that have no data."""
    by_id: dict[str, Points] = {}
    expressions, lines = [], []
    for *names, last in properties["metrics"]:
        options, parts = (last, names) if isinstance(last, dict) else ({}, [*names, last])
        if "expression" in options:
            expressions.append(options)
            continue
        metric = Metric.of(parts[0], parts[1], dict(zip(parts[2::2], parts[3::2], strict=True)))
        settings = {**properties, **options}
        points = _points(samples.get(metric, ()), settings["stat"], settings["period"])
        if "id" in options:
            by_id[options["id"]] = points
        if options.get("visible", True):
            lines.append(Line(options.get("label", _label(parts, options)), points))
    for options in expressions:
        lines += _worked_out(options, by_id, samples)
    return [line for line in lines if line.points]


def _label(parts: Sequence[str], options: Mapping[str, Any]) -> str:
    """The metric's name, or its dimension if AWS publishes the metric for many resources."""
    of = parts[3] if len(parts) > 3 and parts[2] in ("FunctionName", "QueueName") else ""
    named = _short(of) or parts[1]
    return f"{named} {options['stat']}" if options.get("stat", "").startswith("p") else named


def _short(name: str) -> str:
    """A queue's name without the stack's name and CloudFormation's suffix."""
    return re.sub(r"^.*?-(\w+)-X+$", r"\1", name)


def _worked_out(options: Mapping[str, Any], by_id: Mapping[str, Points], samples: Samples) -> Iterator[Line]:
    expression = options["expression"]
    if search := Search.parsed(expression):
        for metric in sorted(filter(search.finds, samples), key=lambda metric: sorted(metric.dimensions)):
            value = dict(metric.dimensions)[search.key]
            yield Line(_short(value), _points(samples[metric], search.stat, BUCKET_SECONDS))
    elif found := _TIMES.fullmatch(expression):
        factor = int(found["factor"])
        points = {at: factor * value for at, value in by_id[found["id"]].items()}
        yield Line(options["label"], points)
    elif found := _SHARE.fullmatch(expression):
        under = by_id[found["under"]]
        over = by_id[found["over"]].items()
        yield Line(options["label"], {at: value / under[at] for at, value in over if under.get(at)})
    else:
        raise NotImplementedError(expression)


def _points(samples: Sequence[tuple[float, float]], stat: str, period: int) -> Points:
    """A value for each bucket; for longer periods, the sum of the period so far."""
    buckets: dict[int, list[float]] = {}
    for second, value in samples:
        buckets.setdefault(int(second) // BUCKET_SECONDS, []).append(value)
    points = {at: _statistic(stat, values) for at, values in sorted(buckets.items())}
    if stat != "Sum" or period <= BUCKET_SECONDS:
        return points
    longer = period // BUCKET_SECONDS
    return {at: sum(points.get(each, 0) for each in range(at - at % longer, at + 1)) for at in points}


def _statistic(stat: str, values: list[float]) -> float:
    match stat:
        case "Sum":
            return sum(values)
        case "Average":
            return sum(values) / len(values)
        case "Maximum":
            return max(values)
        case "p50" | "p95":
            return sorted(values)[int(len(values) * int(stat[1:]) / 100)]
        case _:
            raise NotImplementedError(stat)


def _panel(item: Mapping[str, Any], samples: Samples, hours: int) -> str:
    x, y = item["x"] * COLUMN, item["y"] * ROW
    width, height = item["width"] * COLUMN - GAP, item["height"] * ROW - GAP
    match item["type"]:
        case "text":
            title, _, text = item["properties"]["markdown"].partition("\n")
            content = (
                f'<text x="4" y="18" font-size="16" font-weight="bold">{escape(title.lstrip("# "))}</text>'
                f'<text x="4" y="36">{escape(text)}</text>'
            )
        case "alarm":
            title = f"{item['properties']['title']}: {len(item['properties']['alarms'])}"
            content = _frame(width, height, title)
        case "metric":
            properties = item["properties"]
            content = _frame(width, height, properties["title"])
            content += _chart(lines_of(properties, samples), width, height, hours)
        case _:
            raise NotImplementedError(item["type"])
    return f'<g transform="translate({x} {y})">{content}</g>'


def _frame(width: int, height: int, title: str) -> str:
    return (
        f'<rect width="{width}" height="{height}" rx="4" fill="#fff" stroke="#d5d9de"/>'
        f'<text x="8" y="16" font-weight="bold">{escape(title)}</text>'
    )


def _chart(lines: Sequence[Line], width: int, height: int, hours: int) -> str:
    """Lines over hours, with the highest value at the top, and a legend below."""
    left, top, bottom = 8, 26, height - 36
    if not lines:
        return f'<text x="{left}" y="{(top + bottom) // 2}" fill="#777">nothing published</text>'
    most = max(value for line in lines for value in line.points.values())
    across = (width - 2 * left) / (hours * 3_600 / BUCKET_SECONDS)
    up = (bottom - top) / most if most else 0.0
    pieces = [
        f'<path d="M{left} {bottom}H{width - left}" stroke="#bbb"/>',
        f'<text x="{width - left}" y="16" text-anchor="end" fill="#777">highest {most:,.4g}</text>',
    ]
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        path = "".join(
            f"{'L' if at - 1 in line.points else 'M'}{left + at * across:.0f} {bottom - value * up:.0f}h1"
            for at, value in line.points.items()
        )
        pieces.append(f'<path d="{path}" fill="none" stroke="{colour}"/>')
        if number < LABELS:
            place = f'x="{left + number % 2 * (width // 2)}" y="{height - 20 + number // 2 * 13}"'
            pieces.append(f'<text {place} fill="{colour}">{escape(line.label[:LABEL_CHARACTERS])}</text>')
    if len(lines) > LABELS:
        more = f"and {len(lines) - LABELS} more"
        pieces.append(f'<text x="{width - left}" y="{height - 7}" text-anchor="end">{more}</text>')
    return "".join(pieces)
