"""The results of a run of the kit, for people."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from local.conformance.kit import Result
from local.conformance.known import failed, outdated

LEVELS = ("must", "should", "may")
COLUMNS = {"jsonrpc": "JSON-RPC", "http_json": "HTTP+JSON", "": "no binding"}
OUTCOMES = ("passed", "failed", "skipped")


def show(results: Sequence[Result], known: dict[str, str], console: Console) -> None:
    """A table of all tests, then each failure with its reason."""
    console.print(table(results))
    console.print("gRPC tests are excluded: agents here do not support it.\n", highlight=False)
    for each in failed(results):
        is_known = each.id in known
        colour, title = ("yellow", "known") if is_known else ("red", "failed")
        console.print(f"[{colour}]{title}[/{colour}] {each.level.upper()} ", end="")
        console.print(each.id, markup=False, highlight=False, soft_wrap=True)
        reason = known[each.id] if is_known else each.reason
        console.print(f"  {reason}", markup=False, highlight=False, style="dim")
    for test, what in outdated(results, known).items():
        console.print(f"{test} {what}: remove it from known.toml.", style="yellow", markup=False)


def table(results: Sequence[Result]) -> Table:
    """Passed, failed and skipped, by level and binding."""
    counts = Counter((each.level, each.binding, each.outcome) for each in results)
    shown = Table("level", *COLUMNS.values(), caption="passed / failed / skipped")
    for level in LEVELS:
        cells = [" / ".join(str(counts[level, binding, each]) for each in OUTCOMES) for binding in COLUMNS]
        shown.add_row(level.upper(), *cells)
    return shown
