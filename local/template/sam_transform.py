"""Translates template.yaml into plain CloudFormation, as the transform ``AWS::Serverless-2016-10-31`` does.

A program for SAM's environment, which has the translator. It reads ``{"template": path, "parameters": {}}``
from standard input and writes the template as JSON. It does not call AWS.
"""

import json
import sys
from typing import Any

import yaml
from samcli.yamlhelper import yaml_parse
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

# Where `sam package` puts uploaded files. The translator accepts no local paths.
UPLOADED = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}


def main() -> None:
    request = json.load(sys.stdin)
    # `yaml_parse` uses it for reading; this one is six times as fast
    yaml.SafeLoader = yaml.CSafeLoader  # type: ignore[assignment, misc]
    with open(request["template"], encoding="utf-8") as file:
        template: dict[str, Any] = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if (path := UPLOADED.get(resource["Type"])) is not None:
            resource["Properties"][path] = f"s3://bucket/{resource['Properties'].get(path)}"
    translator = Translator(managed_policy_map={}, sam_parser=Parser(), plugins=[])
    try:
        translated = translator.translate(template, parameter_values=request["parameters"])
    except InvalidDocumentException as error:
        sys.exit("\n".join(cause.message for cause in error.causes))
    json.dump(translated, sys.stdout)


if __name__ == "__main__":
    main()
