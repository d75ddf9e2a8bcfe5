"""What people in a chat are told of a task's end, in their language: plain sentences, never a stack trace."""

from collections.abc import Mapping, Sequence
from typing import Any

from a2a_tasks.domain.errors import FailureCode
from a2a_tasks.wecom.language import Language

_FAILED: dict[Language, Mapping[FailureCode, str]] = {
    Language.ZH: {
        FailureCode.TIMEOUT: "抱歉，任务没能在规定时间内完成。",
        FailureCode.MODEL_OVERLOADED: "抱歉，模型目前过于繁忙，请稍后再试。",
        FailureCode.MODEL_REFUSED: "抱歉，模型拒绝回答这个问题。",
        FailureCode.OUTPUT_TRUNCATED: "抱歉，回答太长，没能写完。",
        FailureCode.MAX_TURNS_EXCEEDED: "抱歉，任务步骤太多，没能完成。",
        FailureCode.BUDGET_EXCEEDED: "抱歉，今天或本任务的用量已经用完。",
        FailureCode.WORKER_LOST: "抱歉，处理过程意外中断，请再试一次。",
        FailureCode.REJECTED: "抱歉，这个助手目前不接受新任务。",
        FailureCode.AGENT_MISCONFIGURED: "抱歉，这个助手的配置有误，请联系管理员。",
    },
    Language.EN: {
        FailureCode.TIMEOUT: "Sorry, the task was not done in its time.",
        FailureCode.MODEL_OVERLOADED: "Sorry, the model is too busy at the moment. Please try again later.",
        FailureCode.MODEL_REFUSED: "Sorry, the model declined to answer this.",
        FailureCode.OUTPUT_TRUNCATED: "Sorry, the answer was too long to be finished.",
        FailureCode.MAX_TURNS_EXCEEDED: "Sorry, the task took more steps than it may.",
        FailureCode.BUDGET_EXCEEDED: "Sorry, what may be used today or for this task is used up.",
        FailureCode.WORKER_LOST: "Sorry, the work was interrupted. Please try again.",
        FailureCode.REJECTED: "Sorry, this assistant takes no new tasks at the moment.",
        FailureCode.AGENT_MISCONFIGURED: "Sorry, this assistant is not set up right. Please tell its owner.",
    },
}
_ELSE_FAILED = {
    Language.ZH: "抱歉，任务没能完成。",
    Language.EN: "Sorry, the task could not be done.",
}
_CANCELED = {Language.ZH: "任务已取消。", Language.EN: "The task was canceled."}
_EMPTY = {
    Language.ZH: "任务已完成，没有文字结果。",
    Language.EN: "The task is done; there is no text to show.",
}
_GONE = {
    Language.ZH: "任务已完成，但结果无法读取。",
    Language.EN: "The task is done, but its result cannot be read.",
}
_FILES = {Language.ZH: "文件：", Language.EN: "Files:"}
_SO_FAR = {Language.ZH: "已完成的部分：", Language.EN: "This was done so far:"}
_CUT = {
    Language.ZH: "（回答太长，余下部分未显示。）",
    Language.EN: "(The answer is too long; the rest is not shown.)",
}
_IN_FILE = {
    Language.ZH: "回答较长，全文见文件。",
    Language.EN: "The answer is long; all of it is in the file.",
}
_NEWS = {
    "completed": {Language.ZH: "已完成", Language.EN: "done"},
    "failed": {Language.ZH: "失败", Language.EN: "failed"},
    "canceled": {Language.ZH: "已取消", Language.EN: "canceled"},
    "input_required": {Language.ZH: "需要确认", Language.EN: "a question"},
}


def failed(code: FailureCode | None, language: Language) -> str:
    """Why a task failed, for whoever asked for it."""
    return _FAILED[language].get(code, _ELSE_FAILED[language]) if code else _ELSE_FAILED[language]


def canceled(language: Language) -> str:
    return _CANCELED[language]


def result(output: Mapping[str, Any] | None, language: Language) -> str:
    """A completed task's answer."""
    text = str((output or {}).get("result") or "").strip()
    return text or _EMPTY[language]


def result_gone(language: Language) -> str:
    return _GONE[language]


def with_partial(sentence: str, output: Mapping[str, Any] | None, language: Language) -> str:
    """The sentence, and what the task had said before it failed."""
    text = str((output or {}).get("result") or "").strip()
    return f"{sentence}\n\n{_SO_FAR[language]}\n\n{text}" if text else sentence


def files(artifacts: Sequence[Mapping[str, Any]], language: Language) -> str:
    """Links to what a task has saved; empty without any."""
    if not artifacts:
        return ""
    return "\n".join([_FILES[language], *(f"- [{one['name']}]({one['url']})" for one in artifacts)])


def cut_remark(language: Language) -> str:
    return _CUT[language]


def in_file(language: Language) -> str:
    return _IN_FILE[language]


def headline(agent_name: str, status: str, language: Language) -> str:
    """The first line of news in a group."""
    return f"{agent_name}: {_NEWS[status][language]}"
