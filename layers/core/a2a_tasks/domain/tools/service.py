"""The service's own tools as the model sees them. The texts are part of cached prompts: change them
rarely."""

from a2a_tasks.domain.tools.schema import fields, text, tool

MAX_ARTIFACTS = 50
MAX_ARTIFACT_BYTES = 5 * 1024 * 1024
MAX_STEP = 300
MAX_QUESTION = 4_000
OPTIONS = range(2, 7)
"""How many options a question may have."""
MAX_OPTION = 100
MAX_NAME = 200
CHILDREN_BY_DEPTH = (16, 4, 1)
"""Tasks that a task may start in all, by its depth (0: started by a caller). One request thus leads to at
most 144 further tasks: 16, 64 and 64."""
MAX_DEPTH = len(CHILDREN_BY_DEPTH)
"""Depth of the deepest task."""

_CALL_AGENT = (
    "Give work to another agent of this project and wait for its result. It sees only the message, so "
    "put everything into it that the agent needs. Several calls in one turn run at the same time.",
    ["agent", "message"],
    {"agent": text("The other agent's id."), "message": text("What it is to do.")},
)
_TOOLS = (
    tool(
        "save_artifact",
        "Hand over a file or a piece of data beside your final answer, such as a report or a table. Give "
        "exactly one of content, base64, data and url. Saved artifacts reach the caller in any case.",
        ["name", "media_type"],
        {
            "name": text("A file name, such as report.md."),
            "media_type": text("Such as text/markdown or image/png."),
            "content": text("The text of a text file."),
            "base64": text("The bytes of any other file, in base64."),
            "data": {"description": "A JSON value."},
            "url": text("An https address where the file already is."),
        },
    ),
    tool(
        "report_progress",
        "Tell the people who wait for this task what you are doing. Use it at the beginning of each step "
        "of longer work. Give a percentage only where you really know it.",
        ["step"],
        {
            "step": text("One short sentence, in the user's language."),
            "percent": {"type": "integer", "minimum": 0, "maximum": 100},
        },
    ),
    tool(
        "ask_user",
        "Ask the user one question and wait for the answer. It may take hours, so ask only for what you "
        "cannot find out or decide yourself, and ask one question at a time.",
        ["question"],
        {
            "question": text("In the user's language."),
            "options": {
                "type": "array",
                "items": {"type": "string"},
                "description": (
                    "Where a few short answers are likely: two to six, shown as buttons or as a list. "
                    "The user may answer something else."
                ),
            },
        },
    ),
    tool("call_agent", *_CALL_AGENT),
    tool("Task", *_CALL_AGENT),
    tool(
        "TodoWrite",
        "Keep the list of what is to be done for this task. Send the whole list each time; the item in "
        "progress is shown to the people who wait.",
        ["todos"],
        {
            "todos": {
                "type": "array",
                "items": fields(
                    ["content", "status"],
                    {
                        "content": {"type": "string"},
                        "activeForm": {"type": "string"},
                        "status": {"type": "string", "enum": ["pending", "in_progress", "completed"]},
                    },
                ),
            }
        },
    ),
)
DEFINITIONS = {definition["name"]: definition for definition in _TOOLS}
