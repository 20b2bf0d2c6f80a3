"""Who may have which part of a block: asked of shares named after the deal and of those planned before it alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.clients import queries as clients
from apps.clients.models import SettlementMode, Terms
from apps.clients.rules import ANSWERS
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.instruments.models import Asset
from apps.trades import rules
from apps.trades.errors import BadAllocation, NoWord

WHOLE = Decimal(100)


@dataclass(frozen=True, slots=True)
class Share:
    """What one account is to take: a base quantity, or a percentage of the whole block."""

    account_id: UUID
    quantity: Decimal | None = None
    percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """What is shared out, or will be: `quantity` is None of a request for an amount of the quote asset, until a deal makes it base."""

    client_id: UUID
    account_id: UUID
    terms: Terms
    base: Asset
    quantity: Decimal | None
    left: Decimal | None  # of it that nobody else has taken


def read_shares(block: Block, shares: Sequence[Share], actor: Actor, now: datetime) -> list[tuple[UUID, Decimal | None]]:
    """The base quantity of each account; None where only the deal will tell.

    Percentages are rounded down to the base asset's decimals; what is left goes to the largest share.

    :raises BadAllocation: not an account for it, or more than there is; `pointer` names the share
    :raises NoWord: a member without authority on a share's own account
    """
    scale = block.base.scale
    percents = [one.percent or money.ZERO for one in shares]
    if sum(percents, money.ZERO) > WHOLE:
        raise BadAllocation("more than 100 percent", pointer="/allocations")
    parts: Sequence[Decimal | None] = [None] * len(shares)
    if block.quantity is not None:
        parts = rules.share_out(block.quantity, [*percents, WHOLE - sum(percents, money.ZERO)], scale)
    out: list[tuple[UUID, Decimal | None]] = []
    for number, (one, part) in enumerate(zip(shares, parts, strict=False)):
        at = f"/allocations/{number}"
        _require_account(block, one.account_id, actor, f"{at}/account_id", now)
        if one.account_id in {account for account, _ in out}:
            raise BadAllocation("the same account twice", pointer=f"{at}/account_id")
        if one.quantity is not None and block.quantity is None:
            raise BadAllocation(f"in percent: how much {block.base.code} it will be is not known yet", pointer=f"{at}/quantity")
        quantity = part if one.quantity is None else one.quantity
        if quantity is not None and (quantity <= 0 or money.scale_of(quantity) > scale):
            named = "quantity" if one.percent is None else "percent"
            raise BadAllocation(f"above zero, in the decimals of {block.base.code}", pointer=f"{at}/{named}")
        if one.percent is not None and one.percent <= 0:
            raise BadAllocation("above zero", pointer=f"{at}/percent")
        out.append((one.account_id, quantity))
    if not out:
        raise BadAllocation("nothing is shared out", pointer="/allocations")
    if block.left is not None and sum((quantity or money.ZERO for _, quantity in out), money.ZERO) > block.left:
        raise BadAllocation(f"{money.text(block.left)} {block.base.code} of it are not allocated", pointer="/allocations")
    return out


def _require_account(block: Block, account_id: UUID, actor: Actor, pointer: str, now: datetime) -> None:
    try:
        account = clients.get_account(account_id, actor=actor)
    except NotFound:
        raise BadAllocation("no such account", pointer=pointer) from None
    if account.owner_id != block.client_id or account.id == block.account_id:
        raise BadAllocation("another account of the same client", pointer=pointer)
    require_authority(actor, account_id, pointer)
    terms = clients.get_terms(account_id, now)
    prefunded = block.terms.mode == SettlementMode.PREFUNDED
    if terms.entity_id != block.terms.entity_id or (terms.mode == SettlementMode.PREFUNDED) != prefunded:
        how = "out of its balance" if prefunded else "on credit"
        raise BadAllocation(f"an account that settles {how} with the same booking entity", pointer=pointer)


def require_authority(actor: Actor, account_id: UUID | None, pointer: str = "") -> None:
    """A client's member answers for an account by what it holds on that very account; our own people bring the client's word.

    :raises NoWord: it holds nothing there that answers for it
    """
    if actor.is_client and not clients.has_role(actor, account_id, ANSWERS):
        told = {"pointer": pointer} if pointer else {}
        raise NoWord("trader or settlement authority on this account is needed", **told)
