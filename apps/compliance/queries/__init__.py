"""What screening and monitoring found; what travels with transfers (travel.py)."""

from .screening import get_alert, has_hit, list_alert_notes, list_alerts, list_alerts_of
from .travel import why_held

__all__ = ["get_alert", "has_hit", "list_alert_notes", "list_alerts", "list_alerts_of", "why_held"]
