"""What an approval executes, by its kind: a step (approval=, checker=, now=); what its subject is now, to compare; for some, what is done
when it is refused.
"""

_STEPS = ("execute", "version", "refused")
# Kind: the story, its step, what tells the subject's version, and what follows a refusal.
_KINDS = {
    "pair_policy": ("apps.workflows.set_policy", "execute", "version"),
    "agreed_deal": ("apps.workflows.book_on_behalf", "stand_by", "deal_version"),
    "marks": ("apps.workflows.propose_marks", "execute", "version"),
    "client_key": ("apps.workflows.manage_keys", "widen_key", "key_version"),
    "client_key_new": ("apps.workflows.ask_for_keys", "make_key", "new_key_version"),
    "client_status": ("apps.workflows.change_status", "execute", "version"),
    "credit_line": ("apps.workflows.manage_credit", "execute_line", "line_version"),
    "credit_haircut": ("apps.workflows.manage_credit", "execute_haircut", "haircut_version"),
    "exposure_call": ("apps.workflows.manage_credit", "execute_withdrawal", "call_version"),
    "release": ("apps.settlement.operations.release", "execute", "version"),
    "net_set_abort": ("apps.workflows.settle_net_set", "execute", "version"),
    "release_band": ("apps.settlement.operations.bands", "execute", "version"),
    "unknown_payment": ("apps.settlement.operations.unknown", "execute", "version"),
    "client_review": ("apps.workflows.review_client", "execute", "version"),
    "ssi": ("apps.workflows.verify_ssi", "verify", "version"),
    "ssi_waiver": ("apps.workflows.verify_ssi", "waive", "version"),
    "pay_to": ("apps.settlement.operations.ways_in", "execute", "version"),
    "ssi_resume": ("apps.workflows.verify_ssi", "resume", "version"),
    "receipt": ("apps.settlement.operations.quarantine", "execute", "version"),
    "match": ("apps.settlement.operations.hand_matching", "execute", "version"),
    "unmatch": ("apps.workflows.work_receipts", "unmatch", "unmatch_version"),
    "match_tolerance": ("apps.settlement.operations.tolerances", "execute", "version"),
    "hedge": ("apps.workflows.book_hedge", "execute", "version"),
    "hedge_break": ("apps.workflows.hedge_breaks", "confirm", "version"),
    "hedge_cancel": ("apps.workflows.hedge_breaks", "cancel", "version"),
    "position_limit": ("apps.workflows.limit_position", "execute", "version"),
    "coverage": ("apps.workflows.cover_account", "execute", "version"),
    "dispute": ("apps.workflows.confirm_deal", "reject", "dispute_version"),
    "trade_version": ("apps.workflows.change_deal", "execute", "version"),
    "adjustment": ("apps.workflows.adjust", "execute", "version", "refused"),
    "adjustment_reversal": ("apps.workflows.adjust", "execute_reversal", "version"),
    "break_write_off": ("apps.workflows.reconcile", "write_off", "version"),
    "day_reopen": ("apps.workflows.reopen", "reopen", "day_version"),
    "month_lock": ("apps.workflows.reopen", "move_month", "month_version"),
    "opening": ("apps.workflows.open_balances", "execute", "version"),
    "house_transfer": ("apps.workflows.transfer_house", "execute", "version", "refused"),
    "redate": ("apps.workflows.redate_deal", "execute", "version"),
    "close_out": ("apps.workflows.close_out", "execute", "version"),
    "internal": ("apps.workflows.book_internal", "execute", "version"),
}
APPROVALS = {kind: {step: f"{story}.{name}" for step, name in zip(_STEPS, names, strict=False)} for kind, (story, *names) in _KINDS.items()}
