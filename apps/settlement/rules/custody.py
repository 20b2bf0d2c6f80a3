"""What is said between us and a custodian, as JSON (docs/custodians.md): read strictly, or not at all. No Django.

Amounts are decimal strings, moments RFC 3339 with their zone. What is missing, of another kind or out of range is named by its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.core import money

from .rail import NEVER, Answer, Entry, Incoming, Outcome, Payment, Place, Stage, Statement

KINDS = ("PAYMENT", "RECEIPT", "RETURN", "CHARGE")
LINES_MAX = 1000


class BadAnswer(Exception):
    """What came is not what a custodian says; it is not acted on."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A custodian's word on one payment of ours; asset and account may be "" in a refusal."""

    key: str
    asset: str
    account: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Deposit:
    """A custodian's word on one transfer to us that is on its way."""

    asset: str
    account: str
    incoming: Incoming


def order(place: Place, payment: Payment) -> dict[str, Any]:
    """The body of a withdrawal."""
    return {
        "key": payment.key,
        "account": place.address,
        "asset": place.asset,
        "amount": money.text(payment.amount),
        "beneficiary": {"name": payment.beneficiary_name, "address": payment.beneficiary_address},
        "remittance": payment.remittance,
    }


def read_withdrawal(given: object) -> Withdrawal:
    """A refusal need not say amount, asset and account: of a key that never came there are none.

    :raises BadAnswer: a member is missing or cannot be read
    """
    said = _object(given, "withdrawal")
    state = _text(said, "state", 20)
    if state not in set(Stage):
        raise BadAnswer(f"state: {state} is none of {', '.join(Stage)}")
    version = said.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or not 0 < version < 2**31:
        raise BadAnswer("version: a number from 1 on")
    never = Stage(state) in NEVER
    answer = Answer(
        Outcome.REJECTED if never else Outcome.ACCEPTED,
        reference=_text(said, "transaction", 80, needed=False) or _text(said, "id", 80),
        reason=_text(said, "reason", 120, needed=False) or (state.lower() if never else ""),
        stage=state,
        version=version,
        amount=None if never and "amount" not in said else _amount(said, "amount"),
    )
    asset, account = _text(said, "asset", 12, needed=not never), _text(said, "account", 120, needed=not never)
    return Withdrawal(_text(said, "key", 35), asset, account, answer)


def read_deposit(given: object, at: str = "deposit") -> Deposit:
    """
    :raises BadAnswer: a member is missing or cannot be read
    """
    said = _object(given, at)
    confirmations, dropped = said.get("confirmations"), said.get("dropped", False)
    if isinstance(confirmations, bool) or not isinstance(confirmations, int) or confirmations < 0:
        raise BadAnswer(f"{at}.confirmations: a number from 0 on")
    if not isinstance(dropped, bool):
        raise BadAnswer(f"{at}.dropped: true or false")
    amount = _amount(said, "amount", at)
    if amount <= 0:
        raise BadAnswer(f"{at}.amount: more than nothing")
    return Deposit(
        _text(said, "asset", 12, at),
        _text(said, "account", 120, at),
        Incoming(
            reference=_text(said, "reference", 80, at),
            amount=amount,
            sender_name=_text(said, "sender_name", 120, at, needed=False),
            sender_address=_text(said, "sender_address", 120, at, needed=False),
            remittance=_text(said, "remittance", 140, at, needed=False),
            seen_at=_moment(said, "seen_at", at),
            confirmations=confirmations,
            dropped=dropped,
        ),
    )


def read_deposits(given: object, place: Place) -> tuple[Incoming, ...]:
    """
    :raises BadAnswer: one cannot be read, or is of another account
    """
    found = [read_deposit(one, f"deposits.{n}") for n, one in enumerate(_list(_object(given, "answer"), "deposits"))]
    for n, one in enumerate(found):
        if (one.asset, one.account) != (place.asset, place.address):
            raise BadAnswer(f"deposits.{n}: of {one.asset} on {one.account}, not of the account that was asked about")
    return tuple(one.incoming for one in found)


def read_statement(given: object, *, after: int) -> Statement:
    """
    :raises BadAnswer: a line cannot be read, the lines do not follow one another, or do not make their balances
    """
    said = _object(given, "statement")
    balance = _amount(said, "balance")
    entries: list[Entry] = []
    for n, line in enumerate(_list(said, "lines")):
        one = _line(_object(line, f"lines.{n}"), f"lines.{n}")
        if one.sequence != (entries[-1].sequence if entries else after) + 1:
            raise BadAnswer(f"lines.{n}.sequence: {one.sequence} does not follow")
        if entries and entries[-1].balance + one.amount != one.balance:
            raise BadAnswer(f"lines.{n}.balance: {money.text(one.balance)}, its lines make {money.text(entries[-1].balance + one.amount)}")
        entries.append(one)
    more = said.get("more", False)
    if not isinstance(more, bool):
        raise BadAnswer("more: true or false")
    if entries and not more and entries[-1].balance != balance:
        raise BadAnswer(f"balance: {money.text(balance)}, the last line says {money.text(entries[-1].balance)}")
    return Statement(tuple(entries), balance)


def _line(said: Mapping[str, Any], at: str) -> Entry:
    sequence, kind, amount = said.get("sequence"), _text(said, "kind", 10, at), _amount(said, "amount", at)
    if isinstance(sequence, bool) or not isinstance(sequence, int) or sequence < 1:
        raise BadAnswer(f"{at}.sequence: a number from 1 on")
    if kind not in KINDS:
        raise BadAnswer(f"{at}.kind: {kind} is none of {', '.join(KINDS)}")
    if not amount or (kind == "PAYMENT" and amount > 0) or (kind == "RECEIPT" and amount < 0):
        raise BadAnswer(f"{at}.amount: {money.text(amount)} is no {kind}")
    return Entry(
        sequence=sequence,
        reference=_text(said, "reference", 80, at),
        amount=amount,
        kind=kind,
        booked_at=_moment(said, "booked_at", at),
        balance=_amount(said, "balance", at),
        end_to_end_id=_text(said, "key", 35, at, needed=False),
        counterparty_name=_text(said, "counterparty_name", 120, at, needed=False),
        counterparty_address=_text(said, "counterparty_address", 120, at, needed=False),
        remittance=_text(said, "remittance", 140, at, needed=False),
    )


def _object(given: object, at: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise BadAnswer(f"{at}: an object")
    return given


def _list(said: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = said.get(name)
    if not isinstance(found, list) or len(found) > LINES_MAX:
        raise BadAnswer(f"{name}: a list of at most {LINES_MAX}")
    return found


def _text(said: Mapping[str, Any], name: str, most: int, at: str = "", *, needed: bool = True) -> str:
    place, found = f"{at}.{name}" if at else name, said.get(name, "" if not needed else None)
    if not isinstance(found, str) or (needed and not found):
        raise BadAnswer(f"{place}: a text")
    if len(found) > most or not found.isprintable():
        raise BadAnswer(f"{place}: at most {most} printable characters")
    return found


def _amount(said: Mapping[str, Any], name: str, at: str = "") -> Decimal:
    place, found = f"{at}.{name}" if at else name, said.get(name)
    if not isinstance(found, str):
        raise BadAnswer(f"{place}: an amount as a text")
    try:
        return -money.parse(found[1:]) if found.startswith("-") else money.parse(found)
    except money.NotAnAmount as no:
        raise BadAnswer(f"{place}: {no}") from None


def _moment(said: Mapping[str, Any], name: str, at: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(said, name, 40, at))
    except ValueError:
        raise BadAnswer(f"{at}.{name}: a moment as in RFC 3339") from None
    if found.tzinfo is None:
        raise BadAnswer(f"{at}.{name}: a moment without a zone")
    if not 2000 <= found.year < 3000:
        raise BadAnswer(f"{at}.{name}: nothing was booked in {found.year}")
    return found
