"""Screening and alerts; the travel rule (travel.py)."""

from .screening import clear_name, digest, list_based, load_entries, raise_alert, screen, screen_again, work_alert

__all__ = ["clear_name", "digest", "list_based", "load_entries", "raise_alert", "screen", "screen_again", "work_alert"]
