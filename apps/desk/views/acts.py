"""Who may do what to a request now: the buttons of the list and of the ticket. The workflows ask again."""

from dataclasses import dataclass
from uuid import UUID

from apps.core.actor import Actor
from apps.users.rules import may_make


@dataclass(frozen=True, slots=True)
class Act:
    """`name` is that of its address; `asks` says that it needs words, which the ticket asks for."""

    name: str
    label: str
    icon: str
    asks: bool = False
    is_main: bool = False


PICK_UP = Act("pick-up", "Pick up", "back_hand", is_main=True)
TAKE_OVER = Act("take-over", "Take over", "move_up", asks=True)
QUOTE = Act("ticket", "Quote", "sell", asks=True, is_main=True)
REQUOTE = Act("ticket", "Requote", "sell", asks=True, is_main=True)
HOLD = Act("hold", "Hold", "pause_circle")
RESUME = Act("resume", "Resume", "play_arrow", is_main=True)
RELEASE = Act("release", "Release", "undo")
WITHDRAW = Act("withdraw", "Withdraw", "remove_circle")
REJECT = Act("reject", "Reject", "block", asks=True)


def may_work(actor: Actor) -> bool:
    return may_make(actor.roles, "rfq")


def may_quote(actor: Actor) -> bool:
    return may_make(actor.roles, "quote")


def acts_of(status: str, owner_id: UUID | None, actor: Actor) -> list[Act]:
    """In the order of the buttons; none for who only looks, for an automatic quote, and once the request has ended."""
    if not may_work(actor):
        return []
    if status == "RECEIVED":
        return [PICK_UP]
    if owner_id is not None and owner_id != actor.id:
        return [TAKE_OVER] if status in {"PICKED_UP", "ON_HOLD", "QUOTED"} else []
    priced = may_quote(actor)
    return {
        "PICKED_UP": [*([QUOTE] if priced else []), HOLD, RELEASE, REJECT],
        "ON_HOLD": [RESUME, REJECT],
        "QUOTED": [*([REQUOTE, WITHDRAW] if priced else []), REJECT] if owner_id else [],
    }.get(status, [])
