"""Take a client on: legal entity, account, terms, members, line, settlement instructions; screened before it is approved."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from apps.clients import operations as clients
from apps.clients.models import Account, Counterparty, SettlementMode
from apps.clients.states import ClientStatus, SsiStatus
from apps.compliance import operations as compliance
from apps.core.unit import step, use_case
from apps.credit import operations as credit
from apps.credit.operations.lines import Hands, Limits
from apps.credit.states import Level, Measure

REVIEWED_EVERY = timedelta(days=365)


@dataclass(frozen=True)
class Instruction:
    """Where we pay this client in one asset."""

    rail: str
    asset: str
    address: str
    bic: str = ""


@dataclass(frozen=True)
class Applicant:
    """What onboarding needs to know of a client. Amounts in USD; bps of the price."""

    code: str
    name: str
    lei: str
    country: str
    email: str
    mode: str
    pairs: Sequence[str]
    tier: str = "standard"
    markup_bps: Decimal = Decimal(0)
    fee_bps: Decimal = Decimal(0)
    fee_mode: str = "INCLUDED"
    auto_max_usd: Decimal = Decimal(5_000_000)
    auto_credit_share: Decimal = Decimal(1)
    line: Decimal | None = None  # of each measure that the mode needs
    line_days: int = 365
    netting: bool = True
    close_out_agreement: str = ""  # under which all is closed out at a default; none: nothing is
    safeguarded: bool = False
    group: str = ""
    roles: Sequence[str] = ("CLIENT",)  # or LP: one that we hedge with over the counter, on the terms of its account
    members: Sequence[tuple[str, Sequence[str]]] = (
        ("Trader", ("viewer", "trader")),
        ("Treasury", ("viewer", "settlement", "admin")),
        ("Controller", ("viewer", "settlement")),
    )
    instructions: Sequence[Instruction] = field(default_factory=tuple)


@use_case
def onboard_client(*, applicant: Applicant, entity_id: UUID, book_id: UUID, approved_by: UUID | None, now: datetime) -> Account:
    """The client with its default account; APPROVED when its name is clear, else ONBOARDING until compliance has decided.

    :raises BadLei: the LEI's check digits are wrong
    """
    return take_on(applicant=applicant, entity_id=entity_id, book_id=book_id, approved_by=approved_by, now=now)


@step
def take_on(*, applicant: Applicant, entity_id: UUID, book_id: UUID, approved_by: UUID | None, now: datetime) -> Account:
    """As :func:`onboard_client`, in the caller's transaction."""
    a = applicant
    group = clients.create_group(name=a.group) if a.group else None
    client = clients.create_counterparty(
        code=a.code, name=a.name, lei=a.lei, country=a.country, roles=list(a.roles), email=a.email, group=group
    )
    account = clients.create_account(owner=client, code=f"{a.code}-main", name=f"{a.name} main")
    clients.set_terms(
        account=account,
        now=now,
        entity_id=entity_id,
        book_id=book_id,
        mode=a.mode,
        pairs=list(a.pairs),
        tier=a.tier,
        markup_bps=a.markup_bps,
        fee_bps=a.fee_bps,
        fee_mode=a.fee_mode,
        auto_max_usd=a.auto_max_usd,
        auto_credit_share=a.auto_credit_share,
        payment_netting=a.netting,
        netting_agreement=f"ISDA {a.code} 2021" if a.netting else "",
        netting_cutoff=time(16, 0),
        netting_zone="Europe/London",
        close_out_netting=bool(a.close_out_agreement),
        close_out_agreement=a.close_out_agreement,
        close_out_date=now.date() if a.close_out_agreement else None,
        safeguarded=a.safeguarded,
    )
    for name, roles in a.members:
        clients.create_member(
            counterparty=client, name=f"{a.code} {name}", email=f"{name.lower()}@{a.code}.example", accounts=[(account, roles)]
        )
    if a.line is not None:
        limits = Limits(amount=a.line, valid_from=now, valid_until=now + timedelta(days=a.line_days))
        measures = [Measure.PRE_SETTLEMENT] + ([Measure.SETTLEMENT] if a.mode == SettlementMode.CREDIT else [])
        for measure in measures:
            credit.set_line(
                level=Level.CLIENT, subject_id=client.id, measure=measure, limits=limits, hands=Hands(approved_by=approved_by), now=now
            )
    for one in a.instructions:
        ssi = clients.create_ssi(
            account=account, rail_code=one.rail, asset_code=one.asset, holder=a.name, address=one.address, bic=one.bic, now=now
        )
        for status in (SsiStatus.VERIFYING, SsiStatus.APPROVED, SsiStatus.ACTIVE):
            clients.move_ssi(ssi=ssi, status=status, evidence="onboarding file")
    clients.set_review(client_id=client.id, due=(now + REVIEWED_EVERY).date())
    client.refresh_from_db()
    _approve(client, account, now)
    return account


@use_case
def register_counterparty(*, code: str, name: str, lei: str, country: str, roles: Sequence[str], now: datetime) -> Counterparty:
    """A liquidity provider, venue, bank or custodian we deal or settle with."""
    made = clients.create_counterparty(code=code, name=name, lei=lei, country=country, roles=roles)
    if compliance.screen(subject_type="counterparty", subject_id=made.id, name=name, now=now).result == "CLEAR":
        for status in (ClientStatus.ONBOARDING, ClientStatus.APPROVED):
            clients.set_status(thing=made, status=status, reason="registered")
    return made


@step
def _approve(client: Counterparty, account: Account, now: datetime) -> None:
    clear = compliance.screen(subject_type="counterparty", subject_id=client.id, name=client.name, now=now).result == "CLEAR"
    for thing in (client, account):
        clients.set_status(thing=thing, status=ClientStatus.ONBOARDING, reason="file complete")
        if clear:
            clients.set_status(thing=thing, status=ClientStatus.APPROVED, reason="screening clear")
