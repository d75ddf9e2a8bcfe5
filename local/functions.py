"""The functions of the template."""

import re

from local.tools import ROOT

_NAME = re.compile(r"^ +FunctionName: !Sub \$\{AWS::StackName\}-([\w-]+)$", re.M)


def function_names() -> tuple[str, ...]:
    """Their names without the stack's, such as `wecom-sender`, in the order of the template."""
    return tuple(_NAME.findall((ROOT / "template.yaml").read_text("utf-8")))
