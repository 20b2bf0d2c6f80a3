"""What beat ticks. A tick only asks "is anything due?": due work is rows, so a lost or a double tick changes nothing."""

from typing import Any

from flowdesk.celery import CANARY_EVERY_S

# task name → seconds between two ticks
TICKS: dict[str, float] = {
    "flowdesk.canary": CANARY_EVERY_S,
    "flowdesk.sweep_rfqs": 1.0,
    "flowdesk.stream_quotes": 1.0,
    "flowdesk.keep_credit": 5.0,
    "flowdesk.drive_events": 1.0,
    "flowdesk.seal_history": 5.0,
    "flowdesk.anchor_chain": 300.0,
    "flowdesk.watch_positions": 5.0,
    "flowdesk.send_mails": 2.0,
    "flowdesk.keep_keys": 300.0,
    "flowdesk.bill_fees": 300.0,
    "flowdesk.keep_ssis": 15.0,
    "flowdesk.screen_names": 15.0,
    "flowdesk.judge_fair_use": 15.0,
    "flowdesk.send_webhooks": 1.0,
    "flowdesk.net_and_instruct": 5.0,
    "flowdesk.redate_closed_days": 5.0,
    "flowdesk.send_payments": 2.0,
    "flowdesk.read_rails": 2.0,
    "flowdesk.read_venues": 5.0,
    "flowdesk.tend_chains": 5.0,
    "flowdesk.travel_rule": 5.0,
    "flowdesk.reconcile": 300.0,
    "flowdesk.carry_out_plans": 1.0,
    "flowdesk.remind_confirmations": 60.0,
    "reports.make_due": 60.0,
    "reports.run_due": 30.0,
}


def beat_schedule() -> dict[str, dict[str, Any]]:
    """TICKS in Celery's words. A tick that nobody took before the next one is due expires, so that none pile up."""
    return {task: {"task": task, "schedule": every_s, "options": {"expires": max(every_s, 1.0)}} for task, every_s in TICKS.items()}
