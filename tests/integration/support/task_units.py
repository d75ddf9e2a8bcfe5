"""Units of DynamoDB that calls of a test use."""

from bench.support.dynamodb_units import Units
from tests.integration.support.template import table_definition


def task_units() -> Units:
    """Counts them with the indexes of the table of tasks; what is written elsewhere is in none."""
    return Units.of(table_definition("TasksTable"))
