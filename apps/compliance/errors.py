"""Compliance's refusals: one class, one stable code each."""

from apps.core.errors import Rejected


class BadAlertWork(Rejected):
    """What is written about an alert is missing or too long; `pointer` names the field."""

    code, title = "bad_alert_work", "An alert cannot be worked so"


class BadTravelData(Rejected):
    """Not the data of a sender or of a wallet's VASP; `pointer` names the field, `faults` what IVMS101 lacks."""

    code, title = "bad_travel_data", "Not what has to travel with a transfer"


class BadList(Rejected):
    """No list of names; `line` and `field` say where."""

    code, title = "bad_list", "The list cannot be read"
