"""Meanings of WeCom's error codes, and remedies.

https://developer.work.weixin.qq.com/document/path/90313
"""

from a2actl.terminal.language import Language, Words

_MEANINGS = {
    -1: Words("企业微信系统繁忙，请稍后重试。", "WeCom is busy; try again in a moment."),
    40001: Words(
        "应用的 Secret 不正确，或已被重置：在 应用管理 → 应用 → Secret 复制最新的，然后执行"
        " a2actl wecom connections rotate {id} --corp-secret",
        "The application's Secret is wrong or was reset: take it from 应用管理 → the application → Secret,"
        " and run: a2actl wecom connections rotate {id} --corp-secret",
    ),
    40013: Words(
        "企业 ID（CorpID）不正确：在 我的企业 → 企业信息 → 企业ID 核对，然后执行"
        " a2actl wecom connections set {id} --corp-id …",
        "The CorpID is wrong: compare it with 我的企业 → 企业信息 → 企业ID, and run:"
        " a2actl wecom connections set {id} --corp-id …",
    ),
    40056: Words(
        "AgentId 不正确，或该应用已被删除、停用：在 应用管理 中核对，然后执行"
        " a2actl wecom connections set {id} --app-id …",
        "The AgentId is wrong, or the application was deleted or disabled: compare it with 应用管理, and run:"
        " a2actl wecom connections set {id} --app-id …",
    ),
    45009: Words(
        "调用过于频繁，被企业微信限流；一分钟到一小时后自动恢复。",
        "Too many calls; WeCom rejects further ones for a minute to an hour.",
    ),
    60020: Words(
        "调用方的 IP 不在应用的“企业可信IP”中：在 应用管理 → 应用 → 开发者接口 → 企业可信IP 加入发送函数的"
        "固定出口 IP（需先设置好回调 URL 或可信域名才能编辑）。",
        "The caller's IP is not among the application's trusted ones: add the sender's fixed IP in 应用管理 →"
        " the application → 企业可信IP (which can be edited once a callback URL or trusted domain is set).",
    ),
    93000: Words(
        "群里没有这个机器人，或它已被移除：在群设置 → 消息推送 重新复制 Webhook 地址，然后执行"
        " a2actl wecom connections rotate {id} --webhook-key",
        "The group robot does not exist, or it was removed: copy its Webhook URL from the group's"
        " settings (消息推送), and run: a2actl wecom connections rotate {id} --webhook-key",
    ),
}
_OTHER = Words(
    "企业微信的错误码，含义见 https://developer.work.weixin.qq.com/document/path/90313",
    "A WeCom error code; see https://developer.work.weixin.qq.com/document/path/90313",
)


def explain(errcode: int, connection_id: str, language: Language) -> str:
    """A sentence with the code in front."""
    meaning = _MEANINGS.get(errcode, _OTHER).in_(language)
    return f"{errcode}: {meaning.format(id=connection_id)}"
