"""The ledger lines of a deal, by the posting table of operations.md. No Django."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from apps.ledger.rules import Line, Ref, credit, debit
from apps.ledger.states import Kind


@dataclass(frozen=True, slots=True)
class Economics:
    """Both amounts of a deal as settled, in the client's eyes; the fee is in the quote asset and inside the quote amount.

    :param invoiced_to: the client, where the fee is invoiced: it is no part of the amounts then, and is due from the client itself until it
        is billed to its account
    """

    side: str
    base: str
    quote: str
    pays: Decimal
    receives: Decimal
    fee: Decimal
    invoiced_to: UUID | None = None


def client_lines(deal: Economics, *, entity_id: UUID, book_id: UUID, account_id: UUID, prefunded: bool) -> list[Line]:
    """What a client deal books: on credit into RECEIVABLE and PAYABLE, prefunded into CLIENT_BALANCE."""
    owes = Kind.CLIENT_BALANCE if prefunded else Kind.RECEIVABLE
    owed = Kind.CLIENT_BALANCE if prefunded else Kind.PAYABLE

    def house(kind: Kind, asset: str) -> Ref:
        return Ref(entity_id, kind, asset, book_id=book_id)

    def client(kind: Kind, asset: str) -> Ref:
        return Ref(entity_id, kind, asset, owner_id=account_id)

    fee = [credit(house(Kind.FEE_INCOME, deal.quote), deal.fee)] if deal.fee else []
    within = deal.fee
    if deal.fee and deal.invoiced_to is not None:
        fee, within = [debit(invoiced(entity_id, deal.invoiced_to, deal.quote), deal.fee), *fee], deal.fee * 0
    if deal.side == "buy":
        return [
            debit(house(Kind.POSITION, deal.base), deal.receives),
            credit(client(owed, deal.base), deal.receives),
            debit(client(owes, deal.quote), deal.pays),
            credit(house(Kind.POSITION, deal.quote), deal.pays - within),
            *fee,
        ]
    return [
        debit(client(owes, deal.base), deal.pays),
        credit(house(Kind.POSITION, deal.base), deal.pays),
        debit(house(Kind.POSITION, deal.quote), deal.receives + within),
        credit(client(owed, deal.quote), deal.receives),
        *fee,
    ]


def invoiced(entity_id: UUID, client_id: UUID, asset: str) -> Ref:
    """Fees that are invoiced and not billed yet: RECEIVABLE of the client itself; what is owed stands on its accounts."""
    return Ref(entity_id, Kind.RECEIVABLE, asset, owner_id=client_id)


@dataclass(frozen=True, slots=True)
class Owed:
    """What one account pays us (RECEIVE) or is paid (PAY) from a deal, in units of the asset."""

    account_id: UUID
    direction: str
    asset: str
    amount: Decimal


def restating_lines(
    *,
    old: Economics | None,
    new: Economics | None,
    gone: Iterable[Owed],
    made: Iterable[Owed],
    entity_id: UUID,
    book_id: UUID,
    prefunded: bool,
    is_hedge: bool = False,
) -> list[Line]:
    """What a later version, or an allocation, books: obligations that are gone are taken back, those it makes are booked, and position and
    fee by the difference. Lines of one account are added up; those of zero are left out.

    :param is_hedge: with an OTC LP, whose fee is our cost
    """

    def owed(one: Owed, sign: int) -> Line:
        kind = Kind.CLIENT_BALANCE if prefunded else Kind.RECEIVABLE if one.direction == "RECEIVE" else Kind.PAYABLE
        return Line(Ref(entity_id, kind, one.asset, owner_id=one.account_id), one.amount * (sign if one.direction == "RECEIVE" else -sign))

    lines = [owed(one, -1) for one in gone] + [owed(one, 1) for one in made]
    for deal, sign in ((old, -1), (new, 1)):
        if deal is not None:
            nobody = UUID(int=0)
            if is_hedge:
                booked = otc_lines(deal, entity_id=entity_id, book_id=book_id, account_id=nobody)
            else:
                booked = client_lines(deal, entity_id=entity_id, book_id=book_id, account_id=nobody, prefunded=prefunded)
            lines += [Line(line.ref, sign * line.amount) for line in booked if line.ref.owner_id != nobody]
    return difference([], lines)


def difference(old: Iterable[Line], new: Iterable[Line]) -> list[Line]:
    """What brings the books from some lines to others: one line an account, none of zero."""
    total: dict[Ref, Decimal] = {}
    for sign, lines in ((-1, old), (1, new)):
        for line in lines:
            total[line.ref] = total.get(line.ref, Decimal(0)) + sign * line.amount
    return [Line(ref, amount) for ref, amount in total.items() if amount]


def hedge_lines(deal: Economics, *, entity_id: UUID, book_id: UUID, venue_id: UUID) -> list[Line]:
    """What a hedge on a prefunded venue books at once; `side`, `pays` and `receives` are ours, `fee` is the venue's."""

    def venue(asset: str) -> Ref:
        return Ref(entity_id, Kind.VENUE, asset, owner_id=venue_id)

    def house(kind: Kind, asset: str) -> Ref:
        return Ref(entity_id, kind, asset, book_id=book_id)

    gets, gives = (deal.base, deal.quote) if deal.side == "buy" else (deal.quote, deal.base)
    lines = [
        debit(venue(gets), deal.receives),
        credit(house(Kind.POSITION, gets), deal.receives),
        debit(house(Kind.POSITION, gives), deal.pays),
        credit(venue(gives), deal.pays),
    ]
    if deal.fee:
        lines += [debit(house(Kind.COST, deal.quote), deal.fee), credit(venue(deal.quote), deal.fee)]
    return lines


def otc_lines(deal: Economics, *, entity_id: UUID, book_id: UUID, account_id: UUID) -> list[Line]:
    """What a hedge with an OTC LP books: into RECEIVABLE and PAYABLE of its account; `side`, `pays`, `receives` are ours, `fee` is its."""

    def lp(kind: Kind, asset: str) -> Ref:
        return Ref(entity_id, kind, asset, owner_id=account_id)

    def house(kind: Kind, asset: str) -> Ref:
        return Ref(entity_id, kind, asset, book_id=book_id)

    buys = deal.side == "buy"
    gets, gives = (deal.base, deal.quote) if buys else (deal.quote, deal.base)
    with_it, off_it = (deal.fee, Decimal(0)) if buys else (Decimal(0), deal.fee)
    lines = [
        debit(lp(Kind.RECEIVABLE, gets), deal.receives - off_it),
        credit(house(Kind.POSITION, gets), deal.receives),
        debit(house(Kind.POSITION, gives), deal.pays),
        credit(lp(Kind.PAYABLE, gives), deal.pays + with_it),
    ]
    return [*lines, debit(house(Kind.COST, deal.quote), deal.fee)] if deal.fee else lines


def internal_lines(deal: Economics, *, entity_id: UUID, book_id: UUID, to_book_id: UUID) -> list[Line]:
    """What moves between two books of one entity: POSITION only. `side`, `pays` and `receives` are those of `book_id`."""

    def house(book: UUID, asset: str) -> Ref:
        return Ref(entity_id, Kind.POSITION, asset, book_id=book)

    gets, gives = (deal.base, deal.quote) if deal.side == "buy" else (deal.quote, deal.base)
    return [
        credit(house(book_id, gets), deal.receives),
        debit(house(to_book_id, gets), deal.receives),
        debit(house(book_id, gives), deal.pays),
        credit(house(to_book_id, gives), deal.pays),
    ]
