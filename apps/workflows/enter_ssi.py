"""Operations enter where a client wants to be paid, on its word: by telephone, mail or chat, for one whose members do not do it themselves.

Another of operations calls back on a number that was on file before, risk or compliance sign (:mod:`apps.workflows.verify_ssi`). The client
is told when it is entered, approved and active, and each of its members who may settle can end it at once until then. It always cools off.
"""

from dataclasses import dataclass
from datetime import datetime

from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.errors import AccountUnavailable, BadEvidence, BadSsi
from apps.clients.models import Account, Ssi
from apps.clients.operations import Place
from apps.clients.rules import SETTLES, stricter
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.users import rules as people

from .propose_ssi import MAY_CHANGE
from .verify_ssi import ENTER

CHANNELS = ("MAIL", "CALL", "CHAT")


@dataclass(frozen=True, slots=True)
class Word:
    """Who of the client said so, how, and where that lies: a mail's id, a recording, a chat's line."""

    person: str
    channel: str
    reference: str


@use_case
def enter_ssi(
    *, actor: Actor, account: str, rail: str, asset: str, address: str, bic: str, self_hosted: bool, word: Word, now: datetime
) -> Ssi:
    """VERIFYING, in the name of the account's owner; nothing is paid to it before all the others have signed and it has cooled off.

    :param account: its code
    :raises AppError: RoleMissing, NotFound, AccountUnavailable, BadSsi, BadEvidence, SsiKnown
    """
    people.require_may(actor.roles, ENTER)
    found = queries.get_account_by_code(account)
    if "CLIENT" not in found.owner.roles or stricter(found.owner.status, found.status) not in MAY_CHANGE:
        raise AccountUnavailable("no changes on this account")
    _require_word(word)
    _require_others(found)
    known = {one.code: one for one in instruments.list_rails()}.get(rail)
    if known is None or known.asset_id != asset:
        raise BadSsi(f"no rail {rail} for {asset}", pointer="/rail")
    queries.lock_account(found.id)
    place = Place(rail, known.kind, asset, address, bic, self_hosted)
    said = {"person": word.person, "channel": word.channel, "reference": word.reference}
    return clients.enter_ssi(account=found, place=place, by=actor, word=said, now=now)


def _require_word(word: Word) -> None:
    if not 1 <= len(word.person.strip()) <= 120 or not word.person.isprintable():
        raise BadEvidence("who of the client said so?", pointer="person")
    if word.channel not in CHANNELS:
        raise BadEvidence(f"one of {', '.join(CHANNELS)}", pointer="channel")
    if not 1 <= len(word.reference.strip()) <= 200 or not word.reference.isprintable():
        raise BadEvidence("where that lies: a mail, a recording, a line of the chat", pointer="reference")


def _require_others(account: Account) -> None:
    """Somebody can be called back, and somebody of the client can object."""
    if not queries.list_numbers(account.owner_id):
        raise BadEvidence("no number of this client is on file to call back on: compliance keeps one first", pointer="account")
    if not any(SETTLES & set(one.roles) and queries.acts(one.member) for one in queries.list_authorities_on(account.id)):
        raise BadEvidence("no member of the client could object: one who may settle is there first", pointer="account")
