"""When an alarm of the template is in the state ALARM, by the rules of CloudWatch's user guide.

Metric math is worked out for each datapoint alone. Only what the template uses is understood; anything else
raises NotImplementedError, so that no alarm is judged by a guess.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from local.preflight.target import Target
from tests.alarms.metrics import Metric, Metrics

type Value = float | None

ALARM, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}
_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.GtE: operator.ge,
    ast.Gt: operator.gt,
}


def ringing(target: Target, name: str, metrics: Metrics) -> list[bool]:
    """For each minute whether the alarm is in the state ALARM; it changes at the end of a period."""
    resource = target.resources[name]
    if resource["Type"] == COMPOSITE:
        return _composite(target, resource["Properties"], metrics)
    return _metric_alarm(resource["Properties"], metrics)


def metrics_of(alarm: Mapping[str, Any]) -> list[Metric]:
    """The metrics that a metric alarm is charged for and looks at."""
    if "Metrics" not in alarm:
        return [_metric(alarm)]
    return [_metric(item["MetricStat"]["Metric"]) for item in alarm["Metrics"] if "MetricStat" in item]


def children(target: Target, composite: Mapping[str, Any]) -> list[str]:
    """The logical ids of the alarms in a composite alarm's rule."""
    names = {target.value({"Ref": name}): name for name in target.of_type(ALARM) | target.of_type(COMPOSITE)}
    return [names[name] for name in re.findall(r"ALARM\(([^)]+)\)", composite["AlarmRule"])]


def _composite(target: Target, composite: Mapping[str, Any], metrics: Metrics) -> list[bool]:
    words = re.findall(r" (AND|OR) ", composite["AlarmRule"])
    if len(set(words)) != 1:
        raise NotImplementedError(composite["AlarmRule"])
    states = [ringing(target, name, metrics) for name in children(target, composite)]
    together = all if words[0] == "AND" else any
    return [together(minute) for minute in zip(*states, strict=True)]


def _metric_alarm(alarm: Mapping[str, Any], metrics: Metrics) -> list[bool]:
    period, datapoints = _datapoints(alarm, metrics)
    compare, threshold = _COMPARISONS[alarm["ComparisonOperator"]], float(alarm["Threshold"])
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    breaching = [missing if value is None else compare(value, threshold) for value in datapoints]
    looked_at = int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm", looked_at))
    span, states = period // 60, [False] * metrics.minutes
    for bucket in range(looked_at - 1, len(breaching)):
        rings = sum(breaching[bucket - looked_at + 1 : bucket + 1]) >= needed
        end = (bucket + 1) * span
        states[end - 1 : end - 1 + span] = [rings] * len(states[end - 1 : end - 1 + span])
    return states


def _datapoints(alarm: Mapping[str, Any], metrics: Metrics) -> tuple[int, list[Value]]:
    """The alarm's period in seconds, and what it compares with its threshold."""
    if "Metrics" not in alarm:
        period = int(alarm["Period"])
        return period, metrics.datapoints(_metric(alarm), alarm["Statistic"], period)
    series = {item["Id"]: item["MetricStat"] for item in alarm["Metrics"] if "MetricStat" in item}
    expressions = {item["Id"]: item["Expression"] for item in alarm["Metrics"] if "Expression" in item}
    (period,) = {int(item["Period"]) for item in series.values()}
    (returned,) = [item["Id"] for item in alarm["Metrics"] if item.get("ReturnData", True)]
    found = {
        key: metrics.datapoints(_metric(item["Metric"]), item["Stat"], period) for key, item in series.items()
    }
    trees = {key: ast.parse(text.strip(), mode="eval").body for key, text in expressions.items()}
    periods = list(zip(*found.values(), strict=True))
    tree = trees[returned]
    # each once: most periods of a day are alike
    known = {
        values: _worked_out(tree, dict(zip(found, values, strict=True)), trees) for values in set(periods)
    }
    return period, [known[values] for values in periods]


def _worked_out(node: ast.expr, values: Mapping[str, Value], trees: Mapping[str, ast.expr]) -> Value:
    def now(part: ast.expr) -> Value:
        return _worked_out(part, values, trees)

    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return now(trees[name]) if name in trees else values[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, instead]):
            return now(instead) if (value := now(filled)) is None else value
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            return None if (value := now(condition)) is None else now(then if value else otherwise)
        case ast.BinOp(left=left, op=op, right=right):
            return _operated(type(op), now(left), now(right))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _operated(type(op), now(left), now(right))
        case _:
            raise NotImplementedError(ast.unparse(node))


def _operated(op: type[ast.AST], left: Value, right: Value) -> Value:
    """None if a side is missing, and for a division by zero: such a datapoint is left out."""
    if left is None or right is None or (op is ast.Div and right == 0):
        return None
    return float(_OPERATORS[op](left, right))


def _metric(described: Mapping[str, Any]) -> Metric:
    dimensions = {item["Name"]: item["Value"] for item in described.get("Dimensions", [])}
    return Metric.of(described["Namespace"], described["MetricName"], dimensions)
