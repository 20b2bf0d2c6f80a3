"""Opening balances: finance ask for a list of them, another of finance, or risk, grants it, and all of it is posted or nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.models import Counterparty
from apps.close import operations as close
from apps.close.errors import BadOpening, OpeningTooLate
from apps.close.models import Opening
from apps.core import clock, csvlines, ids, money
from apps.core.actor import Actor
from apps.core.csvlines import BadLine
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.instruments.models import Asset, BookingEntity
from apps.instruments.rules import Roll, business_day_bounds
from apps.ledger import operations as ledger
from apps.ledger import queries as balances
from apps.ledger.rules import Ref
from apps.ledger.states import Kind
from apps.settlement import queries as settlement
from apps.users import rules as people

ACT = "opening"
COLUMNS = ("account", "owner", "asset", "amount")
KINDS = {"nostro": Kind.NOSTRO, "venue": Kind.VENUE, "client": Kind.CLIENT_BALANCE}  # words of a file
MOST = 2000  # balances of one list
LONGEST = 1_000_000  # characters of one
LIMIT = Decimal(10) ** 18


@dataclass(frozen=True, slots=True)
class Wanted:
    """One balance as it is asked for.

    :param account: nostro (`owner`: rail/address, or the address alone), venue (code of an LP or venue), client (code of an account)
    :param amount: what we have there, or what we owe the client; below zero the other way round
    :param line: of the file; 0: of the form
    """

    account: str
    owner: str
    asset: str
    amount: Decimal
    line: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    wanted: Wanted
    ref: Ref
    owner: str  # as `Wanted.owner` finds it again
    name: str


@use_case
def ask_openings(*, actor: Actor, entity_id: UUID, on: date, wanted: Iterable[Wanted], evidence: str, now: datetime) -> Approval:
    """Ask that these balances be opened on a business date; another of finance, or risk, answers. Nothing is posted before.

    :raises RoleMissing: not finance
    :raises BadOpening: something of the list is wrong: `line` and `field` say where
    :raises OpeningTooLate: one of them has postings on that date or before, or the day is closed
    """
    people.require_may(actor.roles, ACT)
    entity, rows, why = instruments.get_entity_by_id(entity_id), list(wanted), evidence.strip()
    if not why or len(why) > 200:
        raise BadOpening("say where these figures come from, in up to 200 characters", pointer="evidence", line=0, field="evidence")
    if not 0 < len(rows) <= MOST:
        raise BadOpening(f"1 to {MOST} balances, not {len(rows)}", pointer="file", line=0, field="")
    _require_day(entity, on, now)
    found = _resolve(entity, rows, now)
    _require_untouched(found, on)
    lines: dict[str, dict[str, str]] = {}
    for one in found:
        lines.setdefault(f"{one.wanted.account} {one.owner}", {})[one.ref.asset] = money.text(one.wanted.amount)
    count = f"{len(found)} balances" if len(found) > 1 else f"{found[0].name}, {money.text(rows[0].amount)} {rows[0].asset}"
    return approvals.request(
        kind=ACT,
        subject_type="opening",
        subject_id=ids.uuid7(),
        subject_version="asked",
        title=f"Open on {on.isoformat()}: {count}"[:200],
        payload={"entity": entity.code, "date": on.isoformat(), "evidence": why, "lines": lines},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


def read_file(text: str) -> list[Wanted]:
    """A CSV with the columns account, owner, asset, amount.

    :raises BadOpening: it cannot be read; `line` and `field` say where
    """
    try:
        return [
            Wanted(cells["account"], cells["owner"], cells["asset"], _amount(cells["amount"], line), line)
            for line, cells in csvlines.read(text, COLUMNS, longest=LONGEST)
        ]
    except BadLine as no:
        raise BadOpening(str(no), line=no.line, field=no.field, pointer="file") from None


def today(entity_id: UUID) -> date:
    """The running business date of an entity of ours."""
    return instruments.get_entity_by_id(entity_id).business_date(clock.desk_now())


def version(_approval: Approval) -> str:
    """What it was asked on is looked at balance by balance by what executes it."""
    return "asked"


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> list[Opening]:
    """What an approved request of kind "opening" does: every balance of it, or none.

    :raises AppError: BadOpening (an account of it is gone), OpeningTooLate
    """
    assert checker.id is not None
    asked = approval.payload
    entity, on = instruments.get_entity(asked["entity"]), date.fromisoformat(asked["date"])
    rows = [
        Wanted(account.partition(" ")[0], account.partition(" ")[2], asset, Decimal(amount))
        for account, assets in asked["lines"].items()
        for asset, amount in assets.items()
    ]
    _require_day(entity, on, now)
    found = _resolve(entity, rows, now)
    _require_untouched(found, on)
    return [
        close.post_opening(
            ref=one.ref,
            owner=one.name,
            amount=one.wanted.amount,
            on=on,
            evidence=asked["evidence"],
            asked_by=approval.maker_id,
            granted_by=checker.id,
            effective_at=business_day_bounds(on, Roll(entity.roll, entity.zone))[0],
            now=now,
        )
        for one in found
    ]


def _require_day(entity: BookingEntity, on: date, now: datetime) -> None:
    if on > entity.business_date(now):
        raise BadOpening("the date has not begun", pointer="date", line=0, field="date")
    if ledger.keep_open(entity_id=entity.id, on=on) != on:
        raise OpeningTooLate(f"{on.isoformat()} is closed")


def _require_untouched(found: list[_Found], on: date) -> None:
    moved = balances.list_moved([one.ref.id for one in found], on)
    late = [one for one in found if one.ref.id in moved]
    if late:
        first = late[0]
        where = f"line {first.wanted.line}: " if first.wanted.line else ""
        more = f", and {len(late) - 1} more" if len(late) > 1 else ""
        raise OpeningTooLate(f"{where}{first.name} {first.ref.asset} has postings of {on.isoformat()} or before{more}")


def _resolve(entity: BookingEntity, rows: list[Wanted], now: datetime) -> list[_Found]:
    """Whose balances they are, in the order of the list.

    :raises BadOpening: one of them is nobody's, stands twice, or has no amount of its asset
    """
    assets = {one.code: one for one in instruments.list_assets()}
    owners = _Owners(entity, rows, now)
    seen: set[UUID] = set()
    out = []
    for row in rows:
        if row.account not in KINDS:
            raise _bad(row.line, "account", f"{row.account or 'nothing'}: one of {', '.join(KINDS)}")
        _require_amount(row, assets)
        one = owners.find(row)
        if one.ref.id in seen:
            raise _bad(row.line, "owner", f"{one.name} {row.asset} stands twice")
        seen.add(one.ref.id)
        out.append(one)
    return out


def _require_amount(row: Wanted, assets: dict[str, Asset]) -> None:
    asset = assets.get(row.asset)
    if asset is None:
        raise _bad(row.line, "asset", f"{row.asset or 'nothing'} is no asset of ours")
    if not row.amount.is_finite() or not row.amount or abs(row.amount) >= LIMIT or money.scale_of(row.amount) > asset.scale:
        raise _bad(row.line, "amount", f"other than zero, in up to {asset.scale} decimals and less than 10^18")


class _Owners:
    """Who is named by a list, looked up together."""

    def __init__(self, entity: BookingEntity, rows: list[Wanted], now: datetime) -> None:
        named: dict[str, set[str]] = {}
        for row in rows:
            named.setdefault(row.account, set()).add(row.owner)
        self.entity = entity
        self.nostros = list(settlement.list_nostros().filter(entity_id=entity.id))
        self.venues = clients.list_clients_by_code(named.get("venue", ()))
        self.accounts = clients.list_accounts_by_code(named.get("client", ()))
        self.terms = clients.list_terms([one.id for one in self.accounts.values()], now)

    def find(self, row: Wanted) -> _Found:
        kind = KINDS[row.account]
        if kind == Kind.NOSTRO:
            return self._nostro(row)
        one = self.venues.get(row.owner) if kind == Kind.VENUE else self.accounts.get(row.owner)
        if one is None:
            raise _bad(row.line, "owner", f"{row.owner or 'nothing'} is not known")
        if isinstance(one, Counterparty):
            if not {"LP", "VENUE"} & set(one.roles):
                raise _bad(row.line, "owner", f"{row.owner} is no LP or venue")
        else:
            terms = self.terms.get(one.id)
            if terms is None or terms.entity_id != self.entity.id:
                raise _bad(row.line, "owner", f"{row.owner} has no terms with this entity of ours")
        return _Found(row, Ref(self.entity.id, kind, row.asset, owner_id=one.id), one.code, one.code)

    def _nostro(self, row: Wanted) -> _Found:
        places = [n for n in self.nostros if row.owner in {n.address, f"{n.rail_id}/{n.address}"}]
        if len(places) != 1 or places[0].asset_id != row.asset:
            many = "names several accounts of ours: write rail/address" if len(places) > 1 else f"is no account of ours in {row.asset}"
            raise _bad(row.line, "owner", f"{row.owner or 'nothing'} {many}")
        n = places[0]
        ref = Ref(self.entity.id, Kind.NOSTRO, row.asset, owner_id=n.id, designation=n.designation)
        return _Found(row, ref, f"{n.rail_id}/{n.address}", n.name)


def _amount(text: str, line: int) -> Decimal:
    try:
        return money.parse_signed(text)
    except money.NotAnAmount as no:
        raise _bad(line, "amount", str(no)) from None


def _bad(line: int, field: str, words: str) -> BadOpening:
    place = ", ".join(part for part in (f"line {line}" if line else "", field) if part)
    return BadOpening(f"{place}: {words}" if place else words, line=line, field=field, pointer="file" if line else field)
