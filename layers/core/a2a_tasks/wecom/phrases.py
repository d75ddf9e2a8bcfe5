"""What people in chats are told, in their language: one plain sentence each."""

from enum import StrEnum

from a2a_tasks.domain.errors import ErrorCode, FailureCode
from a2a_tasks.domain.task import Progress
from a2a_tasks.wecom.language import Language


class Phrase(StrEnum):
    """Names in braces are filled in."""

    RECEIVED = "received"  # {task}
    BEGUN = "begun"  # {task}
    WAITING = "waiting"  # {task}; for its turn
    WORKING = "working"
    USING = "using"  # {tool}
    FOLLOWS = "follows"  # the stream ends here, and the answer comes by itself
    ELSEWHERE = "elsewhere"  # the answer came by another way
    GONE = "gone"  # there is nothing (any more) under this id
    REST = "rest"  # {task}; after a result that was cut
    EMPTY = "empty"
    FILES = "files"
    CANCELED = "canceled"
    FAILED = "failed"
    WELCOME = "welcome"
    HELP = "help"
    NEW = "new"
    CANCELLED = "cancelled"  # {count}
    NOTHING_TO_CANCEL = "nothing_to_cancel"
    STATUS = "status"  # {task} {status}
    NOTHING_UNDER_WAY = "nothing_under_way"
    NOT_ALLOWED = "not_allowed"
    TOO_FAST = "too_fast"
    NOTHING_SAID = "nothing_said"
    UNSUPPORTED = "unsupported"
    FILE_UNREADABLE = "file_unreadable"
    FILE_TOO_LARGE = "file_too_large"
    QUOTE = "quote"
    CARD_TAKEN = "card_taken"
    IN_FILE = "in_file"
    LEADS_TO = "leads_to"  # {host}; beside a link that leads out of the deployment
    LINK_LEFT_OUT = "link_left_out"
    NEWS = "news"  # {agent} {status}; the first line in a group


_PHRASES: dict[Phrase, tuple[str, str]] = {
    Phrase.RECEIVED: ("已收到。\n任务编号：{task}", "Got it.\nTask: {task}"),
    Phrase.BEGUN: ("已收到，正在处理。\n任务编号：{task}", "Got it, working on it.\nTask: {task}"),
    Phrase.WAITING: ("已收到，正在排队。\n任务编号：{task}", "Got it, waiting for its turn.\nTask: {task}"),
    Phrase.WORKING: ("正在处理", "Working"),
    Phrase.USING: ("正在使用 {tool}", "Using {tool}"),
    Phrase.FOLLOWS: (
        "还在处理中。完成后，结果会自动发到这里。",
        "Still working. The result will be sent here as soon as it is there.",
    ),
    Phrase.ELSEWHERE: ("结果另外发送，请看下一条消息。", "The result comes in a message of its own."),
    Phrase.GONE: ("这条消息已经过期，请重新提问。", "This message is too old. Please ask again."),
    Phrase.REST: (
        "\n\n（结果太长，以上只是开头。完整结果可以凭任务编号 {task} 通过接口读取。）",
        "\n\n(Too long to show; this is its beginning. All of it can be read from the API as task {task}.)",
    ),
    Phrase.EMPTY: ("已完成，没有文字结果。", "Done. There is no text to show."),
    Phrase.FILES: ("文件：", "Files:"),
    Phrase.CANCELED: ("任务已取消。", "The task was canceled."),
    Phrase.FAILED: ("没能完成，请稍后再试。", "That did not work. Please try again later."),
    Phrase.WELCOME: (
        "你好!直接输入问题就可以开始。输入 /help 查看命令。",
        "Hello! Just write your question. /help shows the commands.",
    ),
    Phrase.HELP: (
        "直接输入问题即可。\n/new(新对话):开始新的对话\n/cancel(取消):取消正在处理的任务\n"
        "/status(状态):查看正在处理的任务",
        "Just write your question.\n/new: begin a new conversation\n/cancel: cancel what is under way\n"
        "/status: show what is under way",
    ),
    Phrase.NEW: ("已开始新的对话。", "A new conversation has begun."),
    Phrase.CANCELLED: ("已取消 {count} 个任务。", "Canceled: {count}."),
    Phrase.NOTHING_TO_CANCEL: ("没有可以取消的任务。", "There is nothing to cancel."),
    Phrase.STATUS: ("{task}:{status}", "{task}: {status}"),
    Phrase.NOTHING_UNDER_WAY: ("没有正在处理的任务。", "Nothing is under way."),
    Phrase.NOT_ALLOWED: (
        "你没有使用权限，请联系管理员。",
        "You may not use this. Please ask your administrator.",
    ),
    Phrase.TOO_FAST: (
        "你问得太频繁了，请过几分钟再问。",
        "You are asking more often than is allowed. Please ask again in a few minutes.",
    ),
    Phrase.NOTHING_SAID: (
        "请输入问题。输入 /help 查看命令。",
        "Please write a question. /help shows the commands.",
    ),
    Phrase.UNSUPPORTED: (
        "暂不支持这种消息，请发送文字、语音、图片、PDF 或文本文件。",
        "This kind of message is not supported. Please send text, voice, images, PDF or text files.",
    ),
    Phrase.FILE_UNREADABLE: (
        "文件没能读取，请重新发送。",
        "The file could not be read. Please send it again.",
    ),
    Phrase.FILE_TOO_LARGE: (
        "文件太大，请发送小一些的文件。",
        "The file is too large. Please send a smaller one.",
    ),
    Phrase.QUOTE: ("引用的消息：", "Quoted message:"),
    Phrase.CARD_TAKEN: ("已收到", "Received"),
    Phrase.IN_FILE: ("回答较长，全文见文件。", "The answer is long; all of it is in the file."),
    Phrase.LEADS_TO: ("（外部链接：{host}）", "(external link: {host})"),
    Phrase.LINK_LEFT_OUT: ("（链接未显示）", "(link not shown)"),
    Phrase.NEWS: ("{agent}:{status}", "{agent}: {status}"),
}

_STATUSES = {
    "pending": ("排队中", "waiting"),
    "running": ("处理中", "under way"),
    "input_required": ("等待你的回答", "waits for your answer"),
    "completed": ("已完成", "done"),
    "failed": ("失败", "failed"),
    "canceled": ("已取消", "canceled"),
}

_FAILURES: dict[FailureCode, tuple[str, str]] = {
    FailureCode.TIMEOUT: ("没能在规定时间内完成。", "It did not finish in time."),
    FailureCode.QUEUE_TIMEOUT: ("现在太忙了，请稍后再试。", "Too busy right now. Please try again later."),
    FailureCode.MODEL_OVERLOADED: ("现在太忙了，请稍后再试。", "Too busy right now. Please try again later."),
    FailureCode.MODEL_REFUSED: ("这个请求无法处理。", "This request cannot be answered."),
    FailureCode.OUTPUT_TRUNCATED: (
        "回答太长，没能写完，请缩小问题范围。",
        "The answer became too long. Please ask for less at a time.",
    ),
    FailureCode.MAX_TURNS_EXCEEDED: (
        "步骤太多，没能完成，请缩小问题范围。",
        "It took too many steps. Please ask for less at a time.",
    ),
    FailureCode.BUDGET_EXCEEDED: (
        "额度已用完，请联系管理员。",
        "The budget is used up. Please ask your administrator.",
    ),
    FailureCode.AGENT_MISCONFIGURED: (
        "助手的设置有问题，请联系管理员。",
        "The assistant is not set up correctly. Please tell your administrator.",
    ),
}

_REFUSALS: dict[ErrorCode, tuple[str, str]] = {
    ErrorCode.AGENT_DISABLED: (
        "助手已停用，请联系管理员。",
        "The assistant is switched off. Please ask your administrator.",
    ),
    ErrorCode.AGENT_NOT_FOUND: (
        "助手的设置有问题，请联系管理员。",
        "The assistant is not set up correctly. Please tell your administrator.",
    ),
    ErrorCode.BUDGET_EXCEEDED: (
        "今天的额度已用完，请明天再试。",
        "Today's budget is used up. Please try again tomorrow.",
    ),
    ErrorCode.RATE_LIMIT_EXCEEDED: (
        "现在太忙了，请稍后再试。",
        "Too busy right now. Please try again later.",
    ),
    ErrorCode.PAYLOAD_TOO_LARGE: ("消息太长或文件太大。", "The message is too long, or the file too large."),
    ErrorCode.CONTENT_TYPE_NOT_SUPPORTED: (
        "不支持这种文件，请发送图片（PNG、JPEG、GIF、WebP）、PDF 或文本文件。",
        "This kind of file is not supported. Please send images (PNG, JPEG, GIF, WebP), PDF or text.",
    ),
    ErrorCode.VALIDATION_ERROR: (
        "文件没能读取，请发送图片（PNG、JPEG、GIF、WebP）、PDF 或文本文件。",
        "The file could not be read. Please send images (PNG, JPEG, GIF, WebP), PDF or text.",
    ),
}


def say(language: Language, phrase: Phrase, **values: object) -> str:
    """A phrase in a language, with the values that it names in braces."""
    return _in(language, _PHRASES[phrase]).format(**values)


def status_word(language: Language, status: str) -> str:
    """A task's status."""
    return _in(language, _STATUSES.get(status, (status, status)))


def failure_sentence(language: Language, code: FailureCode | None) -> str:
    """Why a task has failed."""
    known = _FAILURES.get(code) if code else None
    return _in(language, known or _PHRASES[Phrase.FAILED])


def refusal_sentence(language: Language, code: ErrorCode) -> str:
    """Why a message is not taken."""
    return _in(language, _REFUSALS.get(code, _PHRASES[Phrase.FAILED]))


def progress_line(language: Language, progress: Progress) -> str:
    """What a task is doing: the step that the agent tells, or the tool that it uses."""
    if progress.step:
        doing = " ".join(progress.step.split())
    elif progress.tool:
        doing = say(language, Phrase.USING, tool=progress.tool)
    else:
        doing = say(language, Phrase.WORKING)
    share = "" if progress.percent is None else f"({progress.percent}%)"
    return f"> {doing}{share}…"


def _in(language: Language, texts: tuple[str, str]) -> str:
    return texts[0] if language is Language.ZH else texts[1]
