"""The ledger as a journal for hledger (1.25 and later): declared commodities and accounts, postings with balance assertions.

hledger checks assertions by date, then in the order of the file. A posting asserts the running balance that the ledger wrote beside it
wherever that order is the account's own; a last transaction asserts every account's final balance, so that all are proven.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.core import money

_TYPE = {
    "NOSTRO": "A", "VENUE": "A", "IN_TRANSIT": "A", "RECEIVABLE": "A",
    "PAYABLE": "L", "CLIENT_BALANCE": "L", "SUSPENSE": "L", "BLOCKED": "L",
    "CAPITAL": "E", "POSITION": "E",
    "FEE_INCOME": "R", "COST": "X", "ROUNDING": "X", "WRITE_OFF": "X", "COMMISSION": "X",
}  # fmt: skip
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f;|\u2028\u2029]+")
_PLAIN_CODE = re.compile(r"[A-Za-z]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Commodity:
    code: str
    scale: int


@dataclass(frozen=True, slots=True)
class JournalAccount:
    """`owner` is the code of a client account, venue, nostro or book; amounts are debits positive."""

    kind: str
    owner: str
    asset: str
    amount: Decimal

    @property
    def name(self) -> str:
        return account_name(self.kind, self.owner, self.asset)


@dataclass(frozen=True, slots=True)
class Posting:
    """One ledger line with its transaction's header. `balance` is None where journal order is not the account's order."""

    transaction: str
    day: date
    key: str
    kind: str
    narrative: str
    source: str
    effective: str
    account: str
    asset: str
    amount: Decimal
    balance: Decimal | None


def account_name(kind: str, owner: str, asset: str) -> str:
    """KIND:owner:ASSET. hledger ends an account's name at two spaces, and a colon begins a child."""
    return f"{kind}:{_word(owner)}:{asset}"


def lines(
    *, title: str, commodities: Iterable[Commodity], accounts: Iterable[JournalAccount], postings: Iterable[Posting], last_day: date
) -> Iterator[str]:
    """The journal, line by line, with no more than one transaction in memory.

    :param accounts: every account with its balance at the end
    :param last_day: date of the transaction that asserts them; not before the last posting
    """
    yield f"; {_text(title)}"
    yield "; debits are positive; one posting a ledger line; (code) is the ledger's idempotency key\n"
    scales: dict[str, int] = {}
    for one in commodities:
        scales[one.code] = one.scale
        yield f"commodity {'1000.' if one.scale == 0 else money.fixed(Decimal(1000), one.scale)} {_code(one.code)}"
    held = list(accounts)
    yield ""
    for account in held:
        yield f"account {account.name}  ; type:{_TYPE.get(account.kind, 'E')}"
    yield ""
    transaction = None
    for posting in postings:
        if posting.transaction != transaction:
            if transaction is not None:
                yield ""
            transaction = posting.transaction
            yield from _header(posting)
        yield f"    {posting.account}  {_asserted(posting.amount, posting.balance, posting.asset, scales)}"
    yield ""
    if held:
        yield f"{last_day.isoformat()} * (closing-assertions) every account at its balance"
        for account in held:
            yield f"    {account.name}  {_asserted(money.ZERO, account.amount, account.asset, scales)}"


def price(day: date, asset: str, value: Decimal, currency: str) -> str:
    """A market price directive."""
    return f"P {day.isoformat()} {_code(asset)} {money.text(value)} {_code(currency)}"


def _header(posting: Posting) -> Iterator[str]:
    code = _text(posting.key).replace("(", "[").replace(")", "]")
    said = f"{posting.kind}: {posting.narrative}" if posting.narrative else posting.kind
    yield f"{posting.day.isoformat()} * ({code}) {_text(said)}"
    yield f"    ; source:{_text(posting.source)}, effective:{posting.effective}"


def _asserted(value: Decimal, balance: Decimal | None, asset: str, scales: dict[str, int]) -> str:
    code, scale = _code(asset), scales.get(asset, 0)
    moved = f"{money.fixed(value, scale)} {code}"
    return moved if balance is None else f"{moved} = {money.fixed(balance, scale)} {code}"


def _code(asset: str) -> str:
    return asset if _PLAIN_CODE.fullmatch(asset) else f'"{asset}"'


def _text(value: str) -> str:
    return " ".join(_UNSAFE.sub(" ", value).split())


def _word(value: str) -> str:
    return _text(value).replace(":", "-") or "none"
