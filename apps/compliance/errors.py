"""Compliance's refusals: one class, one stable code each."""

from apps.core.errors import Rejected


class BadAlertWork(Rejected):
    """What is written about an alert is missing or too long; `pointer` names the field."""

    code, title = "bad_alert_work", "An alert cannot be worked so"
