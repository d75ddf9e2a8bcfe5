"""The words of the tables of ``docs/generate/cost.py``, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.bill.prices import Unit


@dataclass(frozen=True)
class Words:
    """Names of rows and columns. A missing name is shown unchanged."""

    rates: Mapping[str, str]
    kinds: Mapping[str, str]
    rows: Mapping[str, str]
    offers: Mapping[str, str]
    units: Mapping[Unit, str]
    service: str
    unit: str
    per: str
    beside: str
    a_million: str
    a_month: str
    at_rates: str
    measured: str
    even: str
    traffic: str
    at_rate: str
    separator: str

    def of(self, name: str) -> str:
        """Of a row."""
        return self.kinds.get(name) or self.rows.get(name, name)


ENGLISH = Words(
    rates={name: name for name in ("1 a minute", "1 a second", "4 a second", "100 a second")},
    kinds={
        "short": "one turn, 1 KB each way",
        "long": "one turn, 4 KB each way",
        "tools": "ten turns with nine tool calls",
        "slots": "1 KB, of an agent with `maxConcurrentTasks`",
        "webhook": "1 KB, with a webhook instead of the poll",
        "conversation": "1 KB, in a conversation of ten",
        "messages": "waited for by `POST …/messages`, 10 s",
        "wait": "waited for by `GET …?wait=20`, 20 s",
        "stream": "as a stream of a minute",
        "wecom": "an answer of a minute in WeCom",
    },
    rows={
        "worker": "Lambda, worker",
        "functions": "Lambda, other functions",
        "alarms": "alarms",
        "dashboard": "dashboard",
        "schedules": "schedules and the functions that they invoke",
        "polling": "event sources that poll empty queues",
        "metrics": "custom metrics",
        "keys": "KMS key and secrets",
        "sum": "**sum**",
    },
    offers={
        "containers": "two containers, always on: Fargate and a load balancer",
        "agentcore": "Bedrock AgentCore Runtime",
        "managed_agents": "Claude Managed Agents",
        "langsmith": "LangSmith Deployment (LangGraph Platform)",
        "openai": "OpenAI's background mode",
    },
    units={
        Unit.GB_SECONDS: "gigabyte-second",
        Unit.INVOCATIONS: "invocation",
        Unit.API_REQUESTS: "request",
        Unit.WRITE_UNITS: "write unit",
        Unit.READ_UNITS: "read unit",
        Unit.TABLE_GB: "gigabyte-month stored, with point-in-time recovery",
        Unit.SQS_REQUESTS: "request",
        Unit.S3_PUTS: "PUT or LIST",
        Unit.S3_GETS: "GET",
        Unit.S3_GB: "gigabyte-month stored",
        Unit.KMS_REQUESTS: "request",
        Unit.KMS_KEYS: "key-month",
        Unit.SECRET_READS: "read",
        Unit.SECRETS: "secret-month",
        Unit.SCHEDULED_CALLS: "call",
        Unit.LOG_GB: "gigabyte written, and kept for a month",
        Unit.METRICS: "metric-month",
        Unit.ALARM_METRICS: "month of a metric in an alarm",
        Unit.COMPOSITE_ALARMS: "composite alarm-month",
        Unit.DASHBOARDS: "dashboard-month with more than 50 metrics",
        Unit.SENT_GB: "gigabyte",
    },
    service="service",
    unit="unit",
    per="for each",
    beside="tasks of 30 s",
    a_million="USD per million",
    a_month="USD per idle month",
    at_rates="by arrival rate",
    measured="Measured on {date}; prices of {prices}.",
    even="If tasks arrive evenly, the two containers cost less from about {tasks} such tasks a day on.",
    traffic="With traffic there are {metrics:.0f} more custom metrics, which cost {usd} USD a month.",
    at_rate="{usd} ({rate})",
    separator="; ",
)
CHINESE = Words(
    rates={
        "1 a minute": "每分钟 1 个",
        "1 a second": "每秒 1 个",
        "4 a second": "每秒 4 个",
        "100 a second": "每秒 100 个",
    },
    kinds={
        "short": "一轮，输入输出各 1 KB",
        "long": "一轮，输入输出各 4 KB",
        "tools": "十轮，九次调用工具",
        "slots": "1 KB，智能体设有 `maxConcurrentTasks`",
        "webhook": "1 KB，用 webhook 代替轮询",
        "conversation": "1 KB，在十条消息的会话中",
        "messages": "用 `POST …/messages` 等待 10 秒",
        "wait": "用 `GET …?wait=20` 等待 20 秒",
        "stream": "一分钟的流式回答",
        "wecom": "企业微信里一分钟的回答",
    },
    rows={
        "worker": "Lambda，worker",
        "functions": "Lambda，其他函数",
        "Data transfer out": "出站流量",
        "alarms": "告警",
        "dashboard": "仪表盘",
        "schedules": "定时任务及其调用的函数",
        "polling": "事件源轮询空队列",
        "metrics": "自定义指标",
        "keys": "KMS 密钥和 secret",
        "sum": "**合计**",
    },
    offers={
        "containers": "两个常驻容器：Fargate 加负载均衡",
        "agentcore": "Bedrock AgentCore Runtime",
        "managed_agents": "Claude Managed Agents",
        "langsmith": "LangSmith Deployment（LangGraph Platform）",
        "openai": "OpenAI 的 background 模式",
    },
    units={
        Unit.GB_SECONDS: "GB-秒",
        Unit.INVOCATIONS: "次调用",
        Unit.API_REQUESTS: "次请求",
        Unit.WRITE_UNITS: "写单位",
        Unit.READ_UNITS: "读单位",
        Unit.TABLE_GB: "GB-月存储，含时间点恢复",
        Unit.SQS_REQUESTS: "次请求",
        Unit.S3_PUTS: "次 PUT 或 LIST",
        Unit.S3_GETS: "次 GET",
        Unit.S3_GB: "GB-月存储",
        Unit.KMS_REQUESTS: "次请求",
        Unit.KMS_KEYS: "个密钥每月",
        Unit.SECRET_READS: "次读取",
        Unit.SECRETS: "个 secret 每月",
        Unit.SCHEDULED_CALLS: "次调用",
        Unit.LOG_GB: "GB 写入，并保留一个月",
        Unit.METRICS: "个指标每月",
        Unit.ALARM_METRICS: "个告警所用指标每月",
        Unit.COMPOSITE_ALARMS: "个组合告警每月",
        Unit.DASHBOARDS: "个超过 50 个指标的仪表盘每月",
        Unit.SENT_GB: "GB",
    },
    service="服务",
    unit="单位",
    per="数量",
    beside="每个等待 30 秒的任务",
    a_million="每百万个（美元）",
    a_month="闲置一个月（美元）",
    at_rates="按到达速率",
    measured="测量日期 {date}；价格为 {prices}。",
    even="如果任务昼夜均匀到来，每天超过约 {tasks} 个时，两个容器更便宜。",
    traffic="有流量时多出 {metrics:.0f} 个自定义指标，每月 {usd} 美元。",
    at_rate="{usd}（{rate}）",
    separator="；",
)
