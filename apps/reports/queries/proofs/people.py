"""Promise 6: nobody checks what they made, superusers too."""

# ruff: noqa: S608 - every part is written here

from .lines import sql

_PAIRS = [
    ("approval", "approvals_approval", "maker_id", "checker_id"),
    ("instruction", "settlement_instruction", "made_by", "released_by"),
    ("withdrawal", "settlement_withdrawal", "requested_by", "approved_by"),
    ("mark set", "pricing_markset", "proposed_by", "approved_by"),
    ("halt", "pricing_halt", "thrown_by", "lifted_by"),
    ("business day", "close_businessday", "started_by", "closed_by"),
]

LINES = (
    sql(
        "four_eyes",
        "Nobody checked what they made, and everything checked has its checker",
        *(
            f"SELECT format('{what} %s was made and checked by %s', id, {checker}) FROM {table} WHERE {maker} = {checker}"
            for what, table, maker, checker in _PAIRS
        ),
        """SELECT format('approval %s is %s without a checker', id, status)
           FROM approvals_approval
           WHERE status NOT IN ('REQUESTED', 'WITHDRAWN', 'EXPIRED') AND checker_id IS NULL""",
        """SELECT format('approval %s was signed by its maker', a.id)
           FROM approvals_approval a JOIN approvals_signature s ON s.approval_id = a.id AND s.checker_id = a.maker_id""",
        """SELECT format('approval %s is %s without all of its signatures', a.id, a.status)
           FROM approvals_approval a
           WHERE a.status IN ('APPROVED', 'EXECUTED', 'FAILED', 'STALE') AND jsonb_array_length(a.slots) > 1 AND jsonb_array_length(a.slots)
             > 1 + (SELECT count(*) FROM approvals_signature s WHERE s.approval_id = a.id AND s.checker_id <> a.checker_id)""",
        """SELECT format('mark set %s is %s and nobody approved it', id, status)
           FROM pricing_markset
           WHERE status = 'APPROVED' AND approved_by IS NULL""",
        """SELECT format('day %s is CLOSED and nobody closed it', date)
           FROM close_businessday
           WHERE status = 'CLOSED' AND closed_by IS NULL""",
    ),
)
