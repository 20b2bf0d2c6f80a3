"""Roles of our own people and what they may do (domain.md, Who). No Django."""

from .errors import RoleMissing

ROLES = ("sales", "trader", "operations", "risk", "finance", "compliance", "admin", "auditor")

# act → roles that may make it, roles that may check it
ACTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "release": (frozenset({"operations"}), frozenset({"operations"})),
    "net_set_abort": (frozenset({"operations"}), frozenset({"operations"})),
    "release_band": (frozenset({"operations"}), frozenset({"risk"})),
    "unknown_payment": (frozenset({"operations"}), frozenset({"operations"})),
    "replacement": (frozenset({"operations"}), frozenset({"operations"})),  # of a transaction that hangs on its chain
    "travel_data": (frozenset({"compliance"}), frozenset({"compliance"})),  # who sent a transfer, by what came another way
    "wallet_host": (frozenset({"compliance"}), frozenset({"compliance"})),  # at which VASP a wallet lies; two where one is named
    "client_review": (frozenset({"sales", "compliance"}), frozenset({"compliance"})),
    "receipt": (frozenset({"operations"}), frozenset({"compliance"})),
    "match": (frozenset({"operations"}), frozenset({"operations"})),  # by hand, and its undoing
    "match_tolerance": (frozenset({"operations"}), frozenset({"finance"})),
    "receipt_work": (frozenset({"operations", "compliance"}), frozenset()),  # take it, write about it
    "ssi": (frozenset({"operations"}), frozenset({"operations"})),  # and compliance, for a self-hosted wallet
    "ssi_entry": (frozenset({"operations"}), frozenset({"risk", "compliance"})),  # on the client's word; another of operations calls back
    "ssi_resume": (frozenset({"operations"}), frozenset({"operations"})),
    "ssi_stop": (frozenset({"operations", "compliance", "risk"}), frozenset()),  # suspend, revoke, reject: at once
    "ssi_waiver": (frozenset({"operations", "compliance"}), frozenset({"operations", "compliance"})),  # one of each
    "pay_to": (frozenset({"operations"}), frozenset({"finance"})),  # where clients pay us
    "contact_number": (frozenset({"compliance"}), frozenset()),
    "marks": (frozenset({"finance"}), frozenset({"finance", "risk"})),
    "day_close": (frozenset({"operations"}), frozenset({"finance", "risk"})),
    "break": (frozenset({"operations", "finance"}), frozenset()),  # take, give, explain, comment
    "break_write_off": (frozenset({"operations"}), frozenset({"finance"})),
    "day_reopen": (frozenset({"finance"}), frozenset({"finance", "risk"})),
    "month_lock": (frozenset({"finance"}), frozenset({"finance"})),
    "opening": (frozenset({"finance"}), frozenset({"finance", "risk"})),
    "client_money": (frozenset({"finance", "compliance"}), frozenset()),  # take what is not covered
    "client_key": (frozenset({"admin"}), frozenset({"compliance"})),
    "member": (frozenset({"sales", "compliance"}), frozenset({"compliance"})),  # of a client; and risk, where they may deal for more
    "client_clear": (frozenset({"compliance"}), frozenset({"compliance"})),  # a party or an owner of ours whose name the lists know
    "access_end": (frozenset({"admin", "compliance"}), frozenset()),  # revoke a client's key, close a member: stricter, at once
    "halt_on": (frozenset({"trader", "risk", "operations"}), frozenset()),
    "halt_off": (frozenset({"trader", "risk", "operations"}), frozenset()),
    "line": (frozenset({"risk"}), frozenset({"risk"})),
    "terms": (frozenset({"sales", "trader"}), frozenset({"risk"})),
    "client_down": (frozenset({"risk", "compliance"}), frozenset()),  # stricter: at once
    "client_up": (frozenset({"sales", "compliance"}), frozenset({"compliance"})),
    "client": (frozenset({"sales", "compliance"}), frozenset({"compliance"})),
    "rfq": (frozenset({"sales", "trader"}), frozenset()),  # pick up, hold, release, take over, reject
    "quote": (frozenset({"trader"}), frozenset()),  # price by hand, withdraw
    "on_behalf": (frozenset({"sales", "trader"}), frozenset({"risk", "operations"})),
    "webhook_resend": (frozenset({"operations"}), frozenset()),
    "hedge": (frozenset({"trader"}), frozenset({"operations"})),
    "hedge_break": (frozenset({"operations"}), frozenset({"operations"})),
    "hedge_cancel": (frozenset({"trader", "operations"}), frozenset({"operations"})),
    "lp_record": (frozenset({"operations"}), frozenset()),
    "affirm": (frozenset({"operations"}), frozenset()),  # and dispute: on the client's behalf, with evidence
    "dispute": (frozenset({"operations"}), frozenset({"operations"})),  # to reject one
    "statement": (frozenset({"operations"}), frozenset()),  # take in a bank's file
    "trade_version": (frozenset({"trader", "operations"}), frozenset({"operations"})),  # and risk, where it moves much money
    "adjustment": (frozenset({"operations", "sales"}), frozenset({"finance"})),
    "house_transfer": (frozenset({"operations"}), frozenset({"finance"})),
    "capital": (frozenset({"finance"}), frozenset({"finance", "risk"})),  # and compliance: what the owners pay in and take out
    "venue_place": (frozenset({"operations"}), frozenset({"finance"})),  # where we pay in at a venue
    "redate": (frozenset({"operations"}), frozenset({"operations"})),  # and finance, where there is interest
    "alert": (frozenset({"compliance"}), frozenset()),  # take, write, escalate, report, close
    "calendar": (frozenset({"operations"}), frozenset({"operations"})),  # a bank holiday, a cut-off: what the library does not know
    "close_out": (frozenset({"risk"}), frozenset({"risk"})),
    "commission_rate": (frozenset({"sales"}), frozenset({"finance"})),
    "internal": (frozenset({"trader"}), frozenset({"risk", "operations"})),
    "position_limit": (frozenset({"sales", "trader"}), frozenset({"risk"})),
    "coverage": (frozenset({"sales"}), frozenset({"risk"})),
}
SEES_TRADING = frozenset({"sales", "trader", "risk", "operations", "finance", "auditor", "admin"})


def may_make(roles: frozenset[str], act: str) -> bool:
    return bool(roles & ACTS[act][0])


def may_check(roles: frozenset[str], act: str) -> bool:
    return bool(roles & ACTS[act][1])


def require_may(roles: frozenset[str], act: str) -> None:
    """:raises RoleMissing: none of these roles makes it"""
    if not may_make(roles, act):
        raise RoleMissing(f"this is for {', '.join(sorted(ACTS[act][0]))}")
