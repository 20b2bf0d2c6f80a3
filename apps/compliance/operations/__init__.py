"""Screening and alerts; the travel rule (travel.py)."""

from .screening import add_list_entry, clear_name, list_based, raise_alert, screen, work_alert

__all__ = ["add_list_entry", "clear_name", "list_based", "raise_alert", "screen", "work_alert"]
