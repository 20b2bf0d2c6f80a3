"""Who is at the other end of a socket, and what of its client's events it may hear."""

from dataclasses import dataclass
from uuid import UUID

from apps.core.actor import Actor
from apps.events import rules


@dataclass(frozen=True, slots=True)
class Peer:
    """A key of a client, or one of our own people with the session cookie.

    :param whole: the key names every account of its client
    :param line: authority, path and query of the handshake: what `reauth` signs anew
    :param scenario: what a tester named in the handshake for every command; only a sandbox reads it
    """

    actor: Actor | None = None
    whole: bool = True
    session_key: str = ""
    user_id: str = ""
    ip: str = ""
    line: tuple[str, str, str] = ("", "", "")
    scenario: str = ""

    @property
    def key_id(self) -> str:
        return self.actor.key_id if self.actor is not None else ""

    @property
    def client_id(self) -> UUID | None:
        return self.actor.client_id if self.actor is not None else None

    @property
    def seat_name(self) -> str:
        """Whose sockets are counted together."""
        return self.key_id or f"user.{self.user_id}"

    def may_hear(self, ch: str) -> bool:
        """Events and requests are for clients, the desk's nudges for the desk; prices and status for both."""
        kind = ch.partition(".")[0]
        return {"events": self.client_id is not None, "rfq": self.client_id is not None, "desk": bool(self.user_id)}.get(kind, True)

    def sees(self, account_id: UUID | None, asked_by: UUID | None) -> bool:
        """Whether an event is shown to this key (events.rules)."""
        assert self.actor is not None
        accounts = self.actor.account_ids or ()
        return rules.is_shown(account_id=account_id, asked_by=asked_by, accounts=accounts, member_id=self.actor.id, whole=self.whole)
