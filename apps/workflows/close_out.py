"""A counterparty has defaulted: one of risk records it, another one answers, and all that is unsettled becomes one amount an agreement.

Only where the terms say that close-out netting is on file; never across agreements, entities of ours, counterparties or safeguarded money.
"""

import hashlib
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.models import Account
from apps.clients.states import ClientStatus
from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.instruments.models import Asset
from apps.pricing import queries as prices
from apps.settlement.errors import BadCloseOut, MarksMissing, NothingToCloseOut
from apps.settlement.models import CloseOut
from apps.settlement.operations import closing_out
from apps.settlement.operations.closing_out import Unsettled
from apps.settlement.rules import closing_out as rules
from apps.settlement.rules.closing_out import EVENTS, Standing
from apps.users import rules as people

from . import change_status

ACT = "close_out"


@use_case
def ask_close_out(*, actor: Actor, client_code: str, event: str, evidence: str, marks_date: date, now: datetime) -> Approval:
    """Record an event of default and ask that everything be closed out at the approved marks of a business date.

    While it waits nothing of this client's is paid (PENDING_APPROVAL, which nobody overrides).

    :raises AppError: RoleMissing, NotFound, BadCloseOut (`pointer` names the field), NothingToCloseOut, MarksMissing, PaymentInFlight,
        ApprovalOpen
    """
    people.require_may(actor.roles, ACT)
    client = clients.get_client(client_code)
    if event not in EVENTS:
        raise BadCloseOut(f"one of {', '.join(EVENTS)}", pointer="/event")
    if not 0 < len(evidence.strip()) <= 200:
        raise BadCloseOut("name the evidence, in up to 200 characters", pointer="/evidence")
    change_status.stand_still(client_id=client.id)
    parts = _agreements(client.id, now)
    told, digests = [], []
    for (entity_id, agreement), accounts in parts.items():
        _require_recent(entity_id, marks_date, now)
        unsettled, standing, marks, currency = _read(entity_id, accounts, marks_date)
        if not standing:
            continue
        amounts = rules.totals(standing)
        amount = rules.worth(amounts, marks, currency.scale)
        digests.append(unsettled.digest(standing, marks, currency.code))
        told.append(
            {
                "agreement": agreement,
                "accounts": sorted(one.code for one in accounts),
                "they_owe" if amount > 0 else "we_owe": f"{money.text(abs(amount))} {currency.code}",
                "obligations": len(unsettled.obligations),
                "at": {asset: f"{money.text(owed)} at {money.text(marks[asset])}" for asset, owed in amounts.items()},
            }
        )
    if not told:
        raise NothingToCloseOut(f"nothing of {client.code} is unsettled under an agreement")
    return approvals.request(
        kind=ACT,
        subject_type="client",
        subject_id=client.id,
        subject_version=_digest(digests),
        title=f"Close out {client.code}: {event.replace('_', ' ').lower()}",
        payload={"client": client.code, "event": event, "evidence": evidence.strip(), "marks_date": marks_date.isoformat(), "result": told},
        before={"status": str(client.status)},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    """What is unsettled as it is now, and the marks it is worth; it waits for accepts that were received before, and locks the
    client's money.

    :raises AppError: BadCloseOut (frozen meanwhile), PaymentInFlight, MarksMissing, CloseOutUnexplained
    """
    change_status.stand_still(client_id=approval.subject_id)
    day = date.fromisoformat(approval.payload["marks_date"])
    found = (_read(entity, accounts, day) for (entity, _), accounts in _agreements(approval.subject_id, approval.requested_at).items())
    return _digest([unsettled.digest(standing, marks, currency.code) for unsettled, standing, marks, currency in found if standing])


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> list[CloseOut]:
    """What an approved request of kind "close_out" does: one adjustment a netting agreement; the client is SUSPENDED.

    :raises AppError: PaymentInFlight, MarksMissing, CloseOutUnexplained
    """
    assert checker.id is not None
    asked = approval.payload
    client = clients.get_counterparty(approval.subject_id)
    if client.status in {ClientStatus.APPROVED, ClientStatus.RESTRICTED}:
        why = f"default: {asked['event'].replace('_', ' ').lower()}"
        change_status.lower(client_id=client.id, status=ClientStatus.SUSPENDED, reason=why, now=now)
    made = []
    for (entity_id, agreement), accounts in _agreements(client.id, approval.requested_at).items():
        day = date.fromisoformat(asked["marks_date"])
        unsettled, standing, marks, currency = _read(entity_id, accounts, day)
        if not standing:
            continue
        made.append(
            closing_out.close(
                unsettled=unsettled,
                standing=standing,
                agreement=agreement,
                event=asked["event"],
                evidence=asked["evidence"],
                marks=marks,
                marks_date=day,
                currency=currency,
                approval_id=approval.id,
                made_by=approval.maker_id,
                checked_by=checker.id,
                now=now,
            )
        )
    return made


def _agreements(client_id: UUID, at: datetime) -> dict[tuple[UUID, str], list[Account]]:
    """Accounts by our entity and the agreement that nets them at a default; what is safeguarded stays out."""
    found: dict[tuple[UUID, str], list[Account]] = {}
    for account in clients.list_accounts(client_id):
        terms = clients.get_terms(account.id, at)
        on_file = terms.close_out_netting and terms.close_out_date is not None and terms.close_out_date <= at.date()
        if on_file and not terms.safeguarded:
            found.setdefault((terms.entity_id, terms.close_out_agreement), []).append(account)
    return dict(sorted(found.items(), key=lambda item: (str(item[0][0]), item[0][1])))


def _require_recent(entity_id: UUID, marks_date: date, now: datetime) -> None:
    """:raises BadCloseOut: later than the open business date of our entity, or long before it"""
    today = instruments.get_entity_by_id(entity_id).business_date(now)
    if not rules.are_recent(marks_date, today):
        first = (today - rules.OLDEST_MARKS).isoformat()
        raise BadCloseOut(f"from {first} to the business date, {today.isoformat()}", pointer="/marks_date")


def _read(entity_id: UUID, accounts: list[Account], day: date) -> tuple[Unsettled, list[Standing], dict[str, Decimal], Asset]:
    unsettled = closing_out.lock(entity_id=entity_id, accounts=accounts)
    standing = closing_out.stand(unsettled=unsettled)
    entity = instruments.get_entity_by_id(entity_id)
    marks = prices.find_approved_marks(entity_id, day)
    needed = {one.asset for one in standing}
    if needed and (marks is None or needed - marks.keys()):
        missing = sorted(needed - (marks or {}).keys())
        raise MarksMissing(f"no approved mark of {', '.join(missing)} for {day.isoformat()}", missing=missing)
    return unsettled, standing, marks or {}, instruments.get_asset(entity.functional_currency_id)


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
