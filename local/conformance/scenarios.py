"""The behaviour that the kit expects of an agent, as scripts for the stand-in.

The kit selects a behaviour by the prefix of a message's id; its scenario files (Gherkin) say what each means.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from local.tools import ToolError

DEFAULT = '[[standin: say="Done."]]'
WAIT_SECONDS = 4.0
_STEP = re.compile(r"\s*(?:Given|When|Then|And|But) ")
_PREFIX = re.compile(r'a (?:streaming )?message is received with prefix "(.+)"')
_QUOTED = re.compile(r'"([^"]*)"')


@dataclass
class _Script:
    """What one scenario has asked for so far. ``ending`` is the remainder of the directive's last step."""

    saved: list[dict[str, Any]] = field(default_factory=list)
    said: str = ""
    ending: str = ""
    asks: bool = False

    def take(self, step: str, document: str) -> None:
        """Raises ToolError for an unknown kind of step."""
        match _QUOTED.sub("T", step), _QUOTED.findall(step):
            case "complete the task" | "stream a status update to T", _:
                pass  # every task does so
            case (
                "complete the task with the message T"
                | "return a message with a text part T"
                | "stream an artifact chunk with a text part T"
                | "stream a final artifact chunk with a text part T",
                [text],
            ):
                self.said += text
            case "update the task status to T", ["input_required"]:
                self.asks = True
            case "reject with error T", _:
                self.ending = "; stop=refusal"
            case "wait for 2x streaming timeout", _:
                self.ending = f"; delay={WAIT_SECONDS}"
            case "add an artifact with a data part:", _:
                self._save("data", "application/json", data=json.loads(document))
            case other, texts:
                self._take_file(other.replace("stream an artifact", "add an artifact"), texts, step)

    def _take_file(self, kind: str, texts: list[str], step: str) -> None:
        match kind, texts:
            case "add an artifact with a text part T", [text]:
                self._save("text", "text/plain", content=text)
            case "add an artifact with a file part named T with media type T", [name, media_type]:
                self._save(name, media_type, base64=base64.b64encode(b"A file.").decode())
            case "add an artifact with a file url T named T with media type T", [url, name, media_type]:
                self._save(name, media_type, url=url)
            case _:
                raise ToolError(f"local/conformance/scenarios.py does not know this step of the kit: {step}")

    def _save(self, name: str, media_type: str, **content: Any) -> None:
        self.saved.append({"name": name, "media_type": media_type} | content)

    def directive(self) -> str:
        """In the syntax of local/standin/directive.py."""
        steps = []
        if self.saved:
            steps.append("; ".join(f"tool=save_artifact:{json.dumps(saved)}" for saved in self.saved))
        if self.asks:
            steps += ['tool=ask_user:{"question": "Go on?"}', "follow"]
        else:
            steps.append(f"say={json.dumps(self.said or 'Done.')}{self.ending}")
        return f"[[standin: {' | '.join(steps)}]]"


def directive_of(message_id: str, directives: Mapping[str, str]) -> str:
    """The directive of the longest prefix of the id."""
    known = [prefix for prefix in directives if message_id.startswith(prefix)]
    return directives[max(known, key=len)] if known else DEFAULT


def directives_of(kit: Path) -> dict[str, str]:
    """The stand-in's directives by prefix. Raises ToolError if the kit has none, or unknown steps."""
    files = sorted((kit / "scenarios").glob("*.feature"))
    found = dict(entry for path in files for entry in _scenarios(path.read_text()))
    if not found:
        raise ToolError(f"{kit} has no scenarios; it must be a checkout of the kit's branch 1.0-dev.")
    return found


def _scenarios(text: str) -> Iterator[tuple[str, str]]:
    for scenario in re.split(r"^\s*Scenario:", text, flags=re.MULTILINE)[1:]:
        prefix, script = "", _Script()
        for step, document in _steps(scenario):
            if found := _PREFIX.fullmatch(step):
                prefix = found[1]
            else:
                script.take(step, document)
        yield prefix, script.directive()


def _steps(scenario: str) -> Iterator[tuple[str, str]]:
    """Each step without its first word, and the document below it, or an empty string."""
    between = re.split(r'^\s*""".*$', scenario, flags=re.MULTILINE)  # steps, a document, steps, …
    for lines, document in zip_longest(between[::2], between[1::2], fillvalue=""):
        steps = [line.strip().partition(" ")[2] for line in lines.splitlines() if _STEP.match(line)]
        yield from ((step, "") for step in steps[:-1])
        yield from ((step, document) for step in steps[-1:])
