"""What an administrator enters in WeCom's console for a connection, step by step."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from a2a_tasks.wecom.connection import Connection, ConnectionKind, ConnectionSecrets
from a2actl.terminal.language import Language, Words

_DOMAIN = Words(
    "回调域名要求：已完成 ICP 备案，且备案主体与企业微信的企业主体相同或有关联，否则保存时提示"
    "“域名主体校验未通过”。",
    "The address's domain needs an ICP filing (备案) by the corp itself or a related entity; otherwise WeCom"
    " refuses to save it: 域名主体校验未通过.",
)
_OWN_DOMAIN = Words(
    "当前地址 {host} 是 AWS 自带的域名，通不过这项校验：请为 API 绑定自己的域名，再执行\n"
    "       a2actl wecom connections set {id} --public-url https://你的域名",
    "{host} is AWS's own domain and will not pass: give the API your own custom domain, then run\n"
    "       a2actl wecom connections set {id} --public-url https://YOUR-DOMAIN",
)
_OPEN_BOT = Words(
    "打开企业微信管理后台：安全与管理 → 管理工具 → 智能机器人 → 创建机器人 → 手动创建 → API模式创建；"
    "连接方式选“使用URL回调”，并设置可见范围。",
    "In WeCom's console (管理后台) open 安全与管理 → 管理工具 → 智能机器人 → 创建机器人 → 手动创建 →"
    " API模式创建; choose 使用URL回调 as the way to connect, and who may see the bot (可见范围).",
)
_OPEN_APP = Words(
    "打开企业微信管理后台：应用管理 → 你的自建应用（AgentId {app_id}）→ 接收消息 → 设置API接收。",
    "In WeCom's console (管理后台) open 应用管理 → your application (AgentId {app_id}) → 接收消息 →"
    " 设置API接收.",
)
_PASTE = Words("填写这三项：", "Paste these three:")
_SAVE = Words(
    "先执行  a2actl wecom connections test {id}  检查回调并唤醒函数（企业微信只等 1"
    " 秒），然后立即点击“保存”。",
    "Run  a2actl wecom connections test {id}  which checks the callback and wakes the function up (WeCom"
    " waits for one second), then press 保存 (Save) at once.",
)
_BOT_ID = Words(
    "保存后，登记机器人详情中的 Bot ID（可选，登记后系统也会校验它）：\n"
    "       a2actl wecom connections set {id} --bot-id BOT_ID",
    "After that, set the Bot ID from the bot's details (optional; it is then checked too):\n"
    "       a2actl wecom connections set {id} --bot-id BOT_ID",
)
_BOT_NAME = Words(
    "要在群里使用：把机器人添加到群（只支持内部群），再登记它的名字（不带 @）：\n"
    "       a2actl wecom connections set {id} --bot-name 名字",
    "For groups: add the bot to the group (internal groups only), and set its name, without the @:\n"
    "       a2actl wecom connections set {id} --bot-name NAME",
)
_TRUSTED_IP = Words(
    "同一应用 → 开发者接口 → 企业可信IP：加入发送函数的固定出口 IP（设置好回调 URL 后才能编辑；不接受"
    "第三方服务商的 IP）。否则企业微信会拒绝接收结果（错误码 60020）。",
    "The same application → 开发者接口 → 企业可信IP: add the sender's fixed IP (it can be edited once the"
    " callback URL is set; IPs of third-party providers are refused). Without it WeCom refuses results:"
    " 60020.",
)
_CORP_SECRET = Words(
    "还缺少应用的 Secret（应用管理 → 应用 → Secret），没有它就无法发送结果：\n"
    "       a2actl wecom connections rotate {id} --corp-secret",
    "The application's Secret is missing (应用管理 → the application → Secret), and no result can be sent"
    " without it:\n       a2actl wecom connections rotate {id} --corp-secret",
)
_WEBHOOK = Words(
    "在企业微信群里：右上角 … → 消息推送（原“群机器人”）→ 添加 → 复制 Webhook 地址，然后执行\n"
    "       a2actl wecom connections rotate {id} --webhook-key",
    "In the WeCom group: … at the upper right → 消息推送 (once 群机器人) → 添加 (Add) → copy the"
    " Webhook URL, and run\n       a2actl wecom connections rotate {id} --webhook-key",
)
_GROUP_READY = Words(
    "群机器人已就绪，无需在管理后台填写任何内容。发送测试消息：  a2actl wecom connections test {id} --send",
    "The group robot is ready; nothing has to be entered in a console. To send a test message:"
    "  a2actl wecom connections test {id} --send",
)
_SECRET = Words(
    "Token、EncodingAESKey 相当于密码：不要放进代码、截图或聊天记录。",
    "Token and EncodingAESKey are like passwords: keep them out of code, screenshots and chats.",
)

_REPLACE = Words(
    "在企业微信管理后台打开这个机器人或应用的回调设置，换成新的 Token 和 EncodingAESKey，URL 不变：",
    "In WeCom's console open the bot's or application's callback settings and replace Token and"
    " EncodingAESKey; the URL does not change:",
)
_RETIRE = Words(
    "保存成功后停用旧的（在此之前新旧都有效）：\n"
    "       a2actl wecom connections rotate {id} --retire-previous",
    "After saving, retire the old ones (until then both are valid):\n"
    "       a2actl wecom connections rotate {id} --retire-previous",
)


def guide(connection: Connection, url: str | None, secrets: ConnectionSecrets, language: Language) -> str:
    """Numbered steps from the beginning; ``url`` is the callback's, None for a group."""
    return _written(list(_steps(connection, url, secrets)), connection, url, secrets, language)


def rotation_guide(
    connection: Connection, url: str | None, secrets: ConnectionSecrets, language: Language
) -> str:
    """Numbered steps from one pair of keys to the next."""
    return _written([_REPLACE, _SAVE, _RETIRE], connection, url, secrets, language)


def _written(
    steps: list[Words],
    connection: Connection,
    url: str | None,
    secrets: ConnectionSecrets,
    language: Language,
) -> str:
    values = {
        "id": connection.connection_id,
        "app_id": connection.app_id or "",
        "host": urlsplit(url or "").hostname or "",
    }
    lines = []
    for number, step in enumerate(steps, 1):
        lines.append(f"{number:>3}. {step.in_(language).format(**values)}")
        if step in (_PASTE, _REPLACE):
            lines += [f"       {name:<16}{value}" for name, value in _pasted(url, secrets)]
    if url:
        lines.append(_SECRET.in_(language))
    return "\n".join(lines)


def _steps(connection: Connection, url: str | None, secrets: ConnectionSecrets) -> Iterator[Words]:
    if connection.kind is ConnectionKind.GROUP:
        yield _GROUP_READY if secrets.webhook_key else _WEBHOOK
        return
    yield _DOMAIN
    if (urlsplit(url or "").hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn")):
        yield _OWN_DOMAIN
    yield _OPEN_APP if connection.kind is ConnectionKind.APP else _OPEN_BOT
    yield _PASTE
    yield _SAVE
    if connection.kind is ConnectionKind.APP:
        yield _TRUSTED_IP
        if not secrets.corp_secret:
            yield _CORP_SECRET
        return
    if connection.bot_id is None:
        yield _BOT_ID
    if connection.bot_name is None:
        yield _BOT_NAME


def _pasted(url: str | None, secrets: ConnectionSecrets) -> list[tuple[str, str]]:
    return [
        ("URL", url or ""),
        ("Token", secrets.token or ""),
        ("EncodingAESKey", secrets.aes_key or ""),
    ]
