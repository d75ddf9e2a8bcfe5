"""All checks in order: those that raise an alarm first, those that read metrics last."""

from tests.smoke.check import Check
from tests.smoke.checks import (
    dead_letters,
    gateway,
    schedules,
    streams,
    tasks,
    telemetry,
    updates,
    webhooks,
    wecom,
    workers,
)

CHECKS = (
    Check("a task", tasks.one_task, 120),
    Check("a dead task", dead_letters.dead_task, 90),
    Check("a stream in pieces", streams.in_pieces, 90),
    Check("a stream cut and resumed", streams.cut_and_resumed, 90),
    Check("errors", gateway.errors, 60),
    Check("a body that is too large", gateway.too_large, 90),
    Check("throttling", gateway.throttling, 60, is_real_only=True),
    Check("twenty of one conversation", tasks.twenty_of_one_conversation, 300),
    Check("a webhook", webhooks.delivered, 300, needs_receiver=True),
    Check("WeCom's verification", wecom.verified_after_a_cold_start, 150),
    Check("a killed worker", workers.killed, 150),
    Check("logs", telemetry.logged, 300),
    Check("a deleted conversation", tasks.deleted_conversation, 180),
    Check("schedules", schedules.every_minute, 150),
    Check("a poisoned message", dead_letters.poisoned_message, 240),
    Check("metrics", telemetry.counted, 300, is_real_only=True),
    Check("no recursion", telemetry.not_recursive, 240, is_real_only=True),
    Check("the alarm of the dead task", dead_letters.alarm, 400, is_real_only=True),
    Check("a worker out of time", workers.out_of_time, 600, is_real_only=True, is_long=True),
    Check("an update under load", updates.under_load, 1_800, is_real_only=True, is_long=True),
    Check("a stream's full length", streams.full_length, 1_000, is_long=True),
    Check("the hourly clean-up", tasks.hourly_cleanup, 4_200, is_long=True),
)
