"""Texts for users in chats, one plain sentence each, in all languages."""

from datetime import datetime, timedelta, timezone
from enum import Enum, unique

from a2a_tasks.domain.errors import ErrorCode, FailureCode
from a2a_tasks.domain.task import Progress
from a2a_tasks.domain.tools.catalog import MCP_TOOL
from a2a_tasks.wecom.language import Language

CHINA = timezone(timedelta(hours=8))


@unique
class Phrase(Enum):
    """What users read, in Chinese and English; names in braces are filled in."""

    RECEIVED = ("已收到。", "Got it.")
    BEGUN = ("已收到，正在处理。", "Got it, working on it.")
    # for its turn
    WAITING = ("已收到，正在排队。", "Got it, waiting for its turn.")
    # by an application, which has no stream
    ACCEPTED = (
        "已收到，正在处理，完成后会把结果发给你。",
        "Got it, working on it. The result will be sent to you.",
    )
    WORKING = ("正在处理", "Working")
    USING = ("正在使用 {tool}", "Using {tool}")
    # the stream ends here, and the answer follows as a message
    FOLLOWS = (
        "还在处理中，完成后结果会自动发到这里。如果一小时后仍未收到，请发送 /结果 查看。",
        "Still working. The result will be sent here as soon as it is there. If it has not come within an"
        " hour, send /result.",
    )
    # the answer was delivered by other means
    ELSEWHERE = (
        "结果已另行发送，请查看下一条消息；没有收到的话，请发送 /结果 查看。",
        "The result is in a message of its own. If it has not come, send /result.",
    )
    # nothing exists (any more) under this id
    GONE = ("这条消息已过期，请重新提问。", "This message is too old. Please ask again.")
    # below a page that is not the last
    NEXT_PAGE = (
        "（内容较长，这是第 {page}/{pages} 页。发送 /结果 {number} {next} 查看下一页。）",
        "(This is page {page} of {pages}. Send /result {number} {next} for the next.)",
    )
    LAST_PAGE = ("（第 {page}/{pages} 页，完）", "(Page {page} of {pages}, the last)")
    # below an answer that was asked for
    EARLIER = (
        "（更早的结果：发送 /结果 {number}）",
        "(The one before: send /result {number})",
    )
    NO_ANSWER = ("还没有结果。", "There is no result yet.")
    NO_SUCH_ANSWER = (
        "没有这么早的结果，或它已过期。发送 /结果 查看最近的一个。",
        "There is no such result, or it is too old. Send /result for the latest.",
    )
    SENDING = ("正在发送，请稍候。", "It is on its way.")
    EMPTY = ("已完成，没有文字结果。", "Done. There is no text to show.")
    FILES = ("文件：", "Files:")
    FILES_UNTIL = (
        "文件（链接有效至北京时间 {until}）：",
        "Files (links work until {until}, Beijing time):",
    )
    FILES_AGAIN = (
        "文件（链接有效至北京时间 {until}，过期后发送 /结果 可重新获取）：",
        "Files (links work until {until}, Beijing time; /result makes new ones):",
    )
    CANCELED = ("任务已取消。", "The task was canceled.")
    FAILED = ("处理失败，请稍后再试。", "That did not work. Please try again later.")
    WELCOME = (
        "你好！直接输入问题即可开始，发送 /帮助 查看命令。",
        "Hello! Just write your question. /help shows the commands.",
    )
    HELP = (
        "直接输入问题即可。\n/新对话：开始新的对话\n/取消：取消正在处理的任务\n/状态：查看正在处理的任务\n"
        "/结果：查看最近的结果\n/id：查看你的用户 ID\n/english：提示改用英文",
        "Just write your question.\n/new: begin a new conversation\n/cancel: cancel what is under way\n"
        "/status: show what is under way\n/result: show the latest result\n/id: show your user id\n"
        "/chinese: use Chinese",
    )
    NEW = ("已开始新的对话。", "A new conversation has begun.")
    LANGUAGE = ("好的，之后的提示用中文。", "All right, English from now on.")
    USER_ID = ("你的用户 ID：{user}", "Your user id: {user}")
    CHAT_ID = ("本群的 ID：{chat}", "This group's id: {chat}")
    CANCELLED = ("已取消 {count} 个任务。", "Canceled: {count}.")
    NOTHING_TO_CANCEL = ("没有可以取消的任务。", "There is nothing to cancel.")
    STATUS = ("{number}. {status}（{since}前提问）", "{number}. {status}, asked {since} ago")
    NOTHING_UNDER_WAY = ("没有正在处理的任务。", "Nothing is under way.")
    NOT_ALLOWED = (
        "你没有使用权限。请联系管理员，并告知你的用户 ID：{user}",
        "You may not use this. Please ask your administrator, and tell your user id: {user}",
    )
    TOO_FAST = (
        "提问太频繁，请过几分钟再试。",
        "You are asking more often than is allowed. Please ask again in a few minutes.",
    )
    TOKENS_USED_UP = (
        "你今天的额度已用完，请明天再试。",
        "You have used up your share of today. Please ask again tomorrow.",
    )
    NOTHING_SAID = (
        "请输入问题，发送 /帮助 查看命令。",
        "Please write a question. /help shows the commands.",
    )
    UNSUPPORTED = (
        "暂不支持这种消息，请发送文字、语音、图片、PDF、Office 或文本文件。",
        "This kind of message is not supported. Please send text, voice, images, PDF, Office or text files.",
    )
    UNSUPPORTED_BY_APP = (
        "暂不支持这种消息，请发送文字或图片。",
        "This kind of message is not supported. Please send text or images.",
    )
    VOICE = (
        "应用收不到语音的文字内容，请改用文字，或用输入法的语音输入。",
        "Voice messages reach this application without their words. Please write, or dictate with your"
        " keyboard.",
    )
    # part of a message
    LEFT_OUT = ("消息中的{kind}无法读取，未包含在内。", "The {kind} in the message could not be read.")
    QUOTE_LEFT_OUT = ("引用的{kind}无法读取，未包含在内。", "The quoted {kind} could not be read.")
    FILE_UNREADABLE = (
        "文件读取失败，请重新发送。",
        "The file could not be read. Please send it again.",
    )
    FILE_TOO_LARGE = (
        "文件太大，请发送小一些的文件。",
        "The file is too large. Please send a smaller one.",
    )
    QUOTE = ("引用的消息：", "Quoted message:")
    STOP = ("停止", "Stop")
    STOP_TITLE = ("任务仍在处理中", "The task goes on")
    AGAIN = ("重新提问", "Ask again")
    AGAIN_TITLE = ("可以把同一个问题再问一次", "The same question can be asked again")
    CHOSEN = ("已选：{option}", "✓ {option}")
    # in a group
    CHOSEN_BY = ("{user} 已选：{option}", "{user}: {option}")
    CARD_ANSWERED = ("已回答", "Answered")
    CARD_STOPPED = ("已停止", "Stopped")
    CARD_ENDED = ("任务已结束", "Ended")
    CARD_ASKED_AGAIN = ("已重新提问", "Asked again")
    CARD_OLD = ("已失效", "Expired")
    CARD_OF_OTHERS = ("仅提问者可操作", "Not yours")
    CARD_REFUSED = ("未能执行", "Refused")
    IN_FILE = ("内容较长，全文见文件。", "The answer is long; all of it is in the file.")
    # beside a link that leads out of the deployment
    LEADS_TO = ("（外部链接：{host}）", "(external link: {host})")
    LINK_LEFT_OUT = ("（链接未显示）", "(link not shown)")
    LINK_TOO_LONG = ("（链接太长，无法显示）", "(link too long to be shown)")
    FILE_GONE = ("（文件 {name} 已过期）", "(The file {name} is no longer there.)")
    # the first line in a group
    NEWS = ("{agent}：{status}", "{agent}: {status}")
    # below an application's answer: whose it is
    ANSWERS = ("（{at} 的提问 · {mark}）", "(asked at {at} · {mark})")


_STATUSES = {
    "pending": ("排队中", "waiting"),
    "running": ("处理中", "under way"),
    "input_required": ("等待你的回答", "waits for your answer"),
    "completed": ("已完成", "done"),
    "failed": ("失败", "failed"),
    "canceled": ("已取消", "canceled"),
}

_TOOLS: dict[str, tuple[str, str]] = {
    "WebSearch": ("正在搜索网页", "Searching the web"),
    "WebFetch": ("正在读取网页", "Reading a web page"),
    "Bash": ("正在运行代码", "Running code"),
    "CodeExecution": ("正在运行代码", "Running code"),
    "Read": ("正在读取文件", "Reading files"),
    "Glob": ("正在查找文件", "Looking through files"),
    "Grep": ("正在查找文件", "Looking through files"),
    "Write": ("正在编写文件", "Writing a file"),
    "Edit": ("正在修改文件", "Changing a file"),
    "save_artifact": ("正在保存文件", "Saving a file"),
    "call_agent": ("正在请其他助手协助", "Asking another assistant"),
    "Task": ("正在请其他助手协助", "Asking another assistant"),
    "TodoWrite": ("正在整理步骤", "Planning"),
}
_KINDS = {
    "image": ("图片", "image"),
    "file": ("文件", "file"),
    "video": ("视频", "video"),
    "voice": ("语音", "voice message"),
    "link": ("链接", "link"),
    "location": ("位置", "location"),
    "template_card": ("卡片", "card"),
}

_FAILURES: dict[FailureCode, tuple[str, str]] = {
    FailureCode.TIMEOUT: ("未能在规定时间内完成。", "It did not finish in time."),
    FailureCode.QUEUE_TIMEOUT: ("当前请求较多，请稍后再试。", "Too busy right now. Please try again later."),
    FailureCode.MODEL_OVERLOADED: (
        "当前请求较多，请稍后再试。",
        "Too busy right now. Please try again later.",
    ),
    FailureCode.MODEL_REFUSED: ("这个请求无法处理。", "This request cannot be answered."),
    FailureCode.OUTPUT_TRUNCATED: (
        "回答过长，未能写完，请缩小问题范围。",
        "The answer became too long. Please ask for less at a time.",
    ),
    FailureCode.MAX_TURNS_EXCEEDED: (
        "步骤过多，未能完成，请缩小问题范围。",
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
        "当前请求较多，请稍后再试。",
        "Too busy right now. Please try again later.",
    ),
    ErrorCode.PAYLOAD_TOO_LARGE: ("消息太长或文件太大。", "The message is too long, or the file too large."),
    ErrorCode.CONTENT_TYPE_NOT_SUPPORTED: (
        "不支持这种文件，请发送图片（PNG、JPEG、GIF、WebP）、PDF、Office（docx、xlsx、pptx）或文本文件。",
        "This kind of file is not supported. Please send images (PNG, JPEG, GIF, WebP), PDF, Office (docx,"
        " xlsx, pptx) or text.",
    ),
    ErrorCode.VALIDATION_ERROR: (
        "文件读取失败：文件可能已损坏、有密码，或是 2007 年以前的 Office 格式。",
        "The file could not be read: it may be damaged, have a password, or be in an Office format of before"
        " 2007.",
    ),
}


def say(language: Language, phrase: Phrase, **values: object) -> str:
    """A phrase in a language, with the values that it names in braces."""
    return _in(language, phrase.value).format(**values)


def status_word(language: Language, status: str) -> str:
    """A task's status."""
    return _in(language, _STATUSES.get(status, (status, status)))


def failure_sentence(language: Language, code: FailureCode | None) -> str:
    """Why a task has failed."""
    known = _FAILURES.get(code) if code else None
    return _in(language, known or Phrase.FAILED.value)


def refusal_sentence(language: Language, code: ErrorCode) -> str:
    """Why a message is refused."""
    return _in(language, _REFUSALS.get(code, Phrase.FAILED.value))


def kind_word(language: Language, kind: str) -> str:
    """A kind of message, as WeCom names it."""
    return _in(language, _KINDS.get(kind, ("内容", "part")))


def duration(language: Language, ms: int) -> str:
    """An approximate duration."""
    minutes = max(0, ms) // 60_000
    if minutes < 1:
        return _in(language, ("不到 1 分钟", "less than a minute"))
    if minutes < 60:
        return _in(language, (f"{minutes} 分钟", f"{minutes} min"))
    return _in(language, (f"{minutes // 60} 小时", f"{minutes // 60} h"))


def clock_time(at: int) -> str:
    """A moment in Unix milliseconds as WeCom's users read it: hour and minute in China (UTC+8)."""
    return datetime.fromtimestamp(at / 1000, CHINA).strftime("%H:%M")


def progress_line(language: Language, progress: Progress) -> str:
    """What a task is doing: the step that the agent reports, or the tool that it uses."""
    doing = " ".join((progress.step or "").split()) or _tool_words(language, progress.tool or "")
    share = "" if progress.percent is None else _in(language, ("（{}%）", " ({}%)")).format(progress.percent)
    return f"> {doing}{share}…"


def _tool_words(language: Language, tool: str) -> str:
    """Describes the use of a tool; for MCP tools, only the server's name."""
    if mcp := MCP_TOOL.fullmatch(tool):
        return say(language, Phrase.USING, tool=mcp["server"])
    return _in(language, _TOOLS.get(tool, Phrase.WORKING.value))


def _in(language: Language, texts: tuple[str, str]) -> str:
    return texts[0] if language is Language.ZH else texts[1]
