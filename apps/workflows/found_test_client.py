"""A sandbox's tester starts over: a new client of their own, with nothing behind it, and keys for its members."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.models import Account, ApiKey, SettlementMode, Terms
from apps.clients.states import ClientStatus
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import Forbidden
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.users import queries as users

from .onboard_client import Applicant, Instruction, take_on

LINE, NUMBER = Decimal(25_000_000), "+442079460000"  # a number that is nobody's (Ofcom)
MEMBERS = {"Trader": ("read", "quote", "trade", "webhook", "report"), "Treasury": ("read", "settle", "withdraw"),
           "Controller": ("read", "settle", "withdraw")}  # fmt: skip


class SandboxOnly(Forbidden):
    """Test clients and a clock that is moved exist in a sandbox alone."""

    code, title = "sandbox_only", "This is for a sandbox"


@dataclass(frozen=True, slots=True)
class TestClient:
    code: str
    account: Account
    second: Account
    keys: tuple[ApiKey, ...]


@use_case
def found_test_client(
    *, actor: Actor, mode: str, public_keys: Sequence[bytes | None], cidrs: Sequence[str], netting: bool = True, now: datetime
) -> TestClient:
    """A client with two accounts, a line (none where it is prefunded), settlement instructions, three members and a key for each.

    :param public_keys: of the trader, the treasurer and the controller, 32 bytes each; None: that member gets no key
    :raises AppError: SandboxOnly, BadAllowList, and what a key that cannot be is refused with
    """
    require_sandbox()
    code = f"t{secrets.token_hex(5)}"
    account = take_on(
        applicant=Applicant(
            code=code,
            name=f"Test client {code}",
            lei="",
            country="GB",
            email=f"ops@{code}.example",
            mode=mode,
            pairs=[pair.code for pair in instruments.list_pairs()],
            tier="gold",
            netting=netting,
            close_out_agreement=f"Master agreement {code}",
            line=None if mode == SettlementMode.PREFUNDED else LINE,
            instructions=(
                Instruction("fedwire-usd", "USD", f"021000021-{code}", "CHASUS33"),
                Instruction("target-eur", "EUR", f"DE89{code}", "COBADEFF"),
                Instruction("bitcoin-btc", "BTC", f"bc1q{code}"),
                Instruction("ethereum-eth", "ETH", f"0x{code}"),
            ),
        ),
        entity_id=instruments.get_entity("flowdesk").id,
        book_id=instruments.get_book("main").id,
        approved_by=None,
        now=now,
    )
    second = _second_account(account, now)
    for person in users.list_with("compliance")[:1]:  # at which operations call back when it changes where it is paid
        clients.keep_number(client_id=account.owner_id, person=f"{code} Controller", number=NUMBER, by=person.as_actor(), now=now)
    given = zip(MEMBERS.items(), public_keys, strict=True)
    keys = tuple(_key(account.owner_id, f"{code} {name}", key, scopes, cidrs) for (name, scopes), key in given if key is not None)
    return TestClient(code, account, second, keys)


def _second_account(first: Account, now: datetime) -> Account:
    """Another one like it, for what is shared out."""
    code = f"{first.owner.code}-two"
    made = clients.create_account(owner=first.owner, code=code, name=f"Test client {code}", is_default=False)
    for status in (ClientStatus.ONBOARDING, ClientStatus.APPROVED):
        clients.set_status(thing=made, status=status, reason="a test client")
    clients.set_terms(account=made, now=now, **same_terms(queries.get_terms(first.id, now)))
    for held in queries.list_authorities_on(first.id):
        clients.set_authority(member_id=held.member_id, account_id=made.id, roles=held.roles, dealing_limit=None)
    return made


def same_terms(terms: Terms) -> dict[str, Any]:
    """What another version, or another account's, begins with."""
    own = {"id", "account_id", "version", "effective_from", "effective_until"}
    return {field.attname: getattr(terms, field.attname) for field in terms._meta.concrete_fields if field.attname not in own}


def require_sandbox() -> None:
    """:raises SandboxOnly: anywhere else"""
    if settings.ENVIRONMENT != "sandbox":
        raise SandboxOnly()


def _key(client_id: UUID, member: str, public_key: bytes, scopes: Sequence[str], cidrs: Sequence[str]) -> ApiKey:
    return clients.create_key(
        member=queries.get_member(client_id, member),
        public_key=public_key,
        scopes=scopes,
        cidrs=cidrs,
        now=clock.wall_now(),
        prefix=settings.KEY_PREFIX,
    )
