"""The facts of one release, read at one instant."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Sum

from apps.approvals import queries as approvals
from apps.clients import queries as clients
from apps.clients import rules as client_rules
from apps.clients.models import Account, SettlementMode, Terms
from apps.compliance import queries as compliance
from apps.core import money
from apps.credit import queries as credit
from apps.instruments import queries as instruments
from apps.instruments import rules as calendar
from apps.ledger import queries as ledger
from apps.ledger.states import Kind
from apps.settlement.models import Instruction, NetLeg, NetSet, Nostro, Obligation, ReleaseBand, ReleaseStop, Replacement, VenuePlace
from apps.settlement.rules.bands import NO_BAND, Band
from apps.settlement.rules.gate import Code, Facts, TheirLeg
from apps.settlement.states import AWAITED_INSTRUCTION, InstructionStatus, NetLegStatus, NetSetStatus, ObligationStatus, ReplacementStatus
from apps.trades import queries as trades

from . import venues
from .reports import find_undead

WAITING = [InstructionStatus.DRAFT, InstructionStatus.READY, InstructionStatus.BLOCKED]
LET_GO = [
    InstructionStatus.RELEASED,
    InstructionStatus.SENDING,
    InstructionStatus.UNKNOWN,
    InstructionStatus.SENT,
    InstructionStatus.SETTLED,
]
IN_FLIGHT = [InstructionStatus.SENDING, InstructionStatus.UNKNOWN]  # left us perhaps, not in the ledger yet


def is_stopped() -> bool:
    return ReleaseStop.objects.filter(lifted_at__isnull=True).exists()


def read_facts(i: Instruction, now: datetime) -> Facts:
    """:param i: with account, owner, ssi, asset and nostro within reach"""
    rail = i.nostro.rail
    today = now.astimezone(ZoneInfo(rail.zone)).date()
    account = i.account
    terms = None if account is None else clients.get_terms(account.id, now)
    safeguarded = terms is not None and terms.safeguarded
    screened = [s for s in (None if account is None else account.owner_id, i.returns_id, i.house_transfer_id) if s is not None]
    deals = _deals(i)
    subjects = [s for s in (i.id, i.ssi_id, i.account_id, *screened, *deals) if s is not None]
    flying = _in_flight(i.nostro_id, i.id)
    place, draws = None if i.house_transfer is None else i.house_transfer.place, i.direction == "DRAW"
    pays_in = place is not None and not draws
    if place is not None:
        screened.append(place.venue_id)
        subjects += [venues.subject_of(place.entity_id, place.venue_id, place.asset_id)] if pays_in else []
    from_client_money = i.nostro.designation == "CLIENT" and not draws
    kept = ledger.sum_amounts(i.entity_id, i.asset_id, [Kind.NOSTRO, Kind.IN_TRANSIT], designation="CLIENT")
    owed = ledger.sum_owed_to(i.entity_id, i.asset_id, clients.list_safeguarded())
    return Facts(
        now=now,
        today=today,
        due_date=i.due_date,
        cutoff_at=calendar.cutoff_at(today, instruments.get_cutoff(rail)),
        rail_open=not i.asset.calendar or instruments.get_calendars().is_good(i.asset.calendar, today),
        rail_down=rail.down,
        client_status=_status(account, place, draws),
        needs_ssi=pays_in or (i.returns_id is None and i.house_transfer_id is None),
        ssi_status=venues.standing(place) if pays_in and place is not None else None if i.ssi is None else str(i.ssi.status),
        ssi_cooling_until=None if i.ssi is None else i.ssi.cooling_until,
        has_address=bool(i.beneficiary_address),
        screening_hit=compliance.has_hit(screened),
        release_stopped=is_stopped(),
        pending_approval=approvals.list_open().exclude(kind__in=["release", "ssi_waiver"]).filter(subject_id__in=subjects).exists(),
        agreed=_agreed(i.net_leg),
        their_leg=_their_leg(i) if terms is not None and terms.mode == SettlementMode.CLIENT_FIRST else TheirLeg.NOT_AWAITED,
        amount=i.amount,
        nostro_available=venues.get_available(i, place) if draws and place is not None else _till_balance(i.nostro) - flying,
        client_money_owed=owed - (i.amount if safeguarded and i.withdrawal_id else money.ZERO),
        client_money_kept=kept - (i.amount + flying if from_client_money else money.ZERO),
        touches_client_money=from_client_money or safeguarded,
        is_chain=rail.kind == "CHAIN" and not draws,  # the venue tells who sends what we fetch
        has_beneficiary=bool(i.beneficiary_name and i.beneficiary_address) or (i.ssi is None and i.returns_id is None),
        travel=compliance.why_held(i.id) if rail.kind == "CHAIN" and i.beneficiary_name and i.beneficiary_address else "",
        credit=_credit(i, terms, now),
        overdue=_overdue(i, today),
        review_due=None if account is None else account.owner.review_due,
        doubts=_doubts(i, deals),
        largest=None if len(split_of(i)) > 1 else get_band(rail.code).largest,
        twin=_twin(i),
        undead=find_undead(i),
    )


def _status(account: Account | None, place: VenuePlace | None, draws: bool) -> str:
    """Of the client, the stricter of the two; of a venue. What is ours we fetch also from one that is suspended."""
    if account is not None:
        return str(client_rules.stricter(account.owner.status, account.status))
    if place is None or (draws and place.venue.status != "FROZEN"):
        return ""
    return str(place.venue.status)


def _credit(i: Instruction, terms: Terms | None, now: datetime) -> str:
    """Whether the line carries it, where we pay first; what the client has paid for already needs none. A withdrawal has its balance."""
    if i.withdrawal_id is not None:
        return _balance(i)
    if i.account is None or terms is None or terms.mode != SettlementMode.CREDIT or _their_leg(i) in {TheirLeg.NOT_AWAITED, TheirLeg.DONE}:
        return ""
    owner = i.account.owner
    return credit.check_settlement(group_id=owner.group_id, client_id=owner.id, account_id=i.account.id, day=i.due_date, now=now)


def _balance(i: Instruction) -> str:
    held = {one.asset: one.available for one in ledger.list_client_balances([i.account_id]).get(i.account_id, [])} if i.account_id else {}
    return "OVERDRAWN" if held.get(i.asset_id, money.ZERO) < 0 else ""


def _overdue(i: Instruction, today: date) -> int:
    """Payments of the same client that should have come before today."""
    if i.account is None:
        return 0
    return Instruction.objects.filter(
        account__owner_id=i.account.owner_id, direction="RECEIVE", status__in=AWAITED_INSTRUCTION, due_date__lt=today
    ).count()


def _twin(i: Instruction) -> str:
    """An earlier payment of the same amount to the same place, due on the same day. Of the two only the later one is in doubt.

    Parts of one whole are alike and no doubt: it is the wholes that are compared.
    """
    if not i.beneficiary_address:
        return ""
    mine = i if i.whole is None else i.whole
    same = Instruction.objects.filter(
        direction=i.direction, asset_id=i.asset_id, amount=mine.amount, beneficiary_address=i.beneficiary_address, due_date=i.due_date,
        id__lt=mine.id, whole__isnull=True,
    )  # fmt: skip
    alive = same.filter(status__in=[*WAITING, *LET_GO, InstructionStatus.SPLIT])
    found = alive.order_by("id").values_list("end_to_end_id", flat=True).first()
    return found or ""


def find_band(rail_code: str) -> ReleaseBand | None:
    """The version in force."""
    return ReleaseBand.objects.filter(rail_id=rail_code).order_by("-version").first()


def list_bands() -> list[ReleaseBand]:
    """Of every rail that has one, in force."""
    return list(ReleaseBand.objects.order_by("rail_id", "-version").distinct("rail_id"))


def get_band(rail_code: str) -> Band:
    found = find_band(rail_code)
    return NO_BAND if found is None else Band(found.straight_through, found.two_checkers, found.largest, found.most_payments)


def split_of(i: Instruction) -> list[Decimal]:
    """The payments that an instruction over its rail's limit leaves as; one where it goes as it is, [] where it cannot.

    What is sent back or moved between accounts of ours is one payment; so is a part.
    """
    band = get_band(i.nostro.rail_id)
    if i.whole_id is not None or i.returns_id is not None or i.house_transfer_id is not None:
        return [i.amount] if band.largest is None or i.amount <= band.largest else []
    return band.payments_of(i.amount)


def sum_let_go(i: Instruction) -> Decimal:
    """What else has been let go to the same account in this asset, due on the same day."""
    if i.account_id is None:
        return money.ZERO
    rows = Instruction.objects.filter(account_id=i.account_id, asset_id=i.asset_id, due_date=i.due_date, status__in=LET_GO)
    return rows.filter(direction="PAY").exclude(id=i.id).aggregate(s=Sum("amount"))["s"] or money.ZERO


def _till_balance(nostro: Nostro) -> Decimal:
    kinds = [Kind.NOSTRO, Kind.IN_TRANSIT]
    return ledger.sum_amounts(nostro.entity_id, nostro.asset_id, kinds, owner_ids=[nostro.id])


def _in_flight(nostro_id: UUID, but: UUID) -> Decimal:
    rows = Instruction.objects.filter(nostro_id=nostro_id, direction="PAY", status__in=IN_FLIGHT).exclude(id=but)
    return rows.aggregate(s=Sum("amount"))["s"] or money.ZERO


def list_short_of_fee(i: Instruction, fee: Decimal) -> list[Code]:
    """What does not cover one more network fee: our account, beside what is on its way from it and other fees; clients' money kept on it.

    :param i: a payment that is SENT, so that the ledger has it already
    """
    offered: dict[UUID, Decimal] = {}  # of each other payment that hangs, the highest
    alive = [ReplacementStatus.READY, ReplacementStatus.SENDING, ReplacementStatus.UNKNOWN, ReplacementStatus.SENT]
    others = Replacement.objects.filter(status__in=alive, instruction__nostro_id=i.nostro_id, instruction__status=InstructionStatus.SENT)
    for other, theirs in others.exclude(instruction=i).values_list("instruction_id", "fee"):
        offered[other] = max(offered.get(other, theirs), theirs)
    flying = _in_flight(i.nostro_id, i.id)
    gone = flying + sum(offered.values(), fee)
    short = [Code.INSUFFICIENT_NOSTRO] if gone > _till_balance(i.nostro) else []
    if i.nostro.designation == "CLIENT":
        kept = ledger.sum_amounts(i.entity_id, i.asset_id, [Kind.NOSTRO, Kind.IN_TRANSIT], designation="CLIENT")
        owed = ledger.sum_owed_to(i.entity_id, i.asset_id, clients.list_safeguarded())
        short += [Code.CLIENT_MONEY_SHORTFALL] if kept - gone < owed else []
    return short


def _agreed(leg: NetLeg | None) -> bool:
    if leg is None:
        return True
    status = NetSet.objects.values_list("status", flat=True).get(id=leg.net_set_id)
    return status in {NetSetStatus.AGREED, NetSetStatus.SETTLING}


def _their_leg(i: Instruction) -> TheirLeg:
    """Where the client pays first: what it owes in the same set, or from the same deal."""
    if i.net_leg is not None:
        states = list(
            NetLeg.objects.filter(net_set_id=i.net_leg.net_set_id, direction="RECEIVE", amount__gt=0).values_list("status", flat=True)
        )
        done, begun = {str(NetLegStatus.SETTLED)}, {str(NetLegStatus.PART_SETTLED), str(NetLegStatus.SETTLED)}
    elif i.obligation is not None and i.obligation.trade_id is not None:
        theirs = Obligation.objects.filter(trade_id=i.obligation.trade_id, direction="RECEIVE")
        states = list(theirs.exclude(status=ObligationStatus.CANCELLED).values_list("status", flat=True))
        done, begun = {str(ObligationStatus.SETTLED)}, {str(ObligationStatus.PART_SETTLED), str(ObligationStatus.SETTLED)}
    else:
        return TheirLeg.NOT_AWAITED
    if set(states) <= done:
        return TheirLeg.DONE
    return TheirLeg.PART if set(states) & begun else TheirLeg.OPEN


def _deals(i: Instruction) -> list[UUID]:
    """The deals that a payment is for; none behind a withdrawal or a return."""
    if i.net_leg_id is not None:
        mine = Obligation.objects.filter(net_leg_id=i.net_leg_id)
    elif i.obligation_id is not None:
        mine = Obligation.objects.filter(id=i.obligation_id)
    else:
        return []
    return [deal for deal in mine.values_list("trade_id", flat=True).distinct() if deal is not None]


def _doubts(i: Instruction, deals: list[UUID]) -> frozenset[str]:
    """What is doubtful about the deals that a payment is for."""
    if not deals:
        return frozenset()
    assert i.account_id is not None, "a deal has an account"
    found = {
        Code.TRADE_DISPUTED: bool(trades.list_disputed(deals)),
        Code.UNAFFIRMED: settings.RELEASE_NEEDS_AFFIRMATION and trades.has_unaffirmed(deals),
        Code.UNALLOCATED: trades.has_unallocated(deals, account_id=i.account_id),
    }
    return frozenset(str(code) for code, is_so in found.items() if is_so)
