"""`make logs` knows every function of the template."""

from local.functions import function_names
from tests.integration.support.template import resources_of_type


def test_every_function_of_the_template_is_known() -> None:
    functions = resources_of_type("AWS::Serverless::Function").values()
    names = {function["Properties"]["FunctionName"]["Sub"] for function in functions}

    assert {f"${{AWS::StackName}}-{name}" for name in function_names()} == names
