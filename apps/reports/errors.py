from apps.core.errors import Conflict, NotFound, Rejected


class MarksNotApproved(Rejected):
    """Official figures use only approved closing marks, and this date has none (or an asset of it has none)."""

    code, title = "marks_not_approved", "The closing marks are not approved"


class UnknownReport(NotFound):
    code, title = "unknown_report", "No such report"


class NotCorrectable(Conflict):
    """Only what was issued can be corrected by a next version."""

    code, title = "not_correctable", "There is nothing to correct"
