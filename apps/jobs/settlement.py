"""Settlement by time: sweeps that list what is due, and one use case each. Safe to run twice at once."""

import logging
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import DatabaseError

from apps.core import clock
from apps.core.actor import SYSTEM
from apps.core.errors import AppError, Conflict
from apps.jobs.calendars import redate_closed_days
from apps.jobs.trades import carry_out_plans
from apps.settlement import queries as settlement
from apps.settlement.queries import housing as house_transfers
from apps.settlement.queries import reports
from apps.settlement.queries.due import Watched
from apps.settlement.rails import get_rail, outside
from apps.settlement.rails.base import Answer, Outcome, Place
from apps.workflows.read_statement import clear_receipt, match_receipt, note_balance, read_line, see_incoming
from apps.workflows.request_release import release_by_itself
from apps.workflows.send_payment import begin_sending, record_answer, review_payment
from apps.workflows.settle_net_set import agree_net_set, freeze_net_set, instruct_net_set
from apps.workflows.transfer_balance import instruct_withdrawal
from apps.workflows.transfer_house import instruct_house_transfer

from . import venues
from .lines import run_each
from .pages import each_once
from .reading import read_each

QUIET = timedelta(minutes=1)  # after which it is noted that a statement was read though it brought nothing
log = logging.getLogger(__name__)


def freeze_sets() -> int:
    """Sets whose cut-off has passed, each account's in a transaction of its own; one that cannot be frozen stops no other."""
    return sum(
        one_case(freeze_net_set, account_id=f.account_id, entity_id=f.entity_id, value_date=f.value_date, cutoff_at=f.cutoff_at)
        for f in each_once(partial(settlement.list_due_freezes, clock.desk_now()))
    )


def freeze_due() -> int:
    """Freeze all whose cut-off has passed, then make the payments of what is frozen, and of legs whose payment ended unpaid.

    What was planned before a deal is carried out first, and what falls on a closed day gets another: once it is frozen it is too late.
    """
    while carry_out_plans():  # some at a time, until no more can be
        pass
    while redate_closed_days():
        pass
    frozen = freeze_sets()
    instruct_sets()
    return frozen


def agree_due() -> int:
    """Sets on which silence agrees."""
    due = partial(settlement.list_due_agreements, clock.desk_now())
    return sum(one_case(agree_net_set, net_set_id=one, actor=SYSTEM) for one in each_once(due))


def instruct_sets() -> int:
    """Legs without a living payment."""
    return sum(one_case(instruct_net_set, net_set_id=one) for one in each_once(settlement.list_sets_to_instruct))


def instruct_due() -> int:
    """Withdrawals that are held, house transfers that are checked; legs have their payments from :func:`freeze_due`."""
    return sum(one_case(instruct_withdrawal, withdrawal_id=one) for one in each_once(settlement.list_held_withdrawals)) + _house_transfers()


def _house_transfers() -> int:
    """Those that finance has checked."""
    return sum(one_case(instruct_house_transfer, transfer_id=one) for one in each_once(house_transfers.list_approved))


def review_queue() -> int:
    """READY ⇄ BLOCKED, as the gate stands now."""
    return sum(one_case(review_payment, instruction_id=one) for one in each_once(settlement.list_queue))


def release_straight_through() -> int:
    """Legs within their rail's band that nothing blocks leave without people."""
    return sum(one_case(release_by_itself, instruction_id=one) for one in each_once(settlement.list_straight_through))


def send_released(on: str = "") -> int:
    """SENDING is committed first, then the rail is called, then its answer is recorded.

    :param on: a rail, or venue:CODE of a venue that we draw from; "" all, one after the other
    """
    sent, silent = 0, set[str]()
    for instruction_id in each_once(partial(settlement.list_released, on)):
        rail, place = rail_of(instruction_id)
        if place.rail in silent:
            if on:
                break
            continue
        try:
            payment = begin_sending(instruction_id=instruction_id)
        except (AppError, DatabaseError) as no:
            log.warning("not sent %s: %s", instruction_id, no)
            continue
        if payment is None:
            continue
        try:
            answer = rail.send(place, payment, now=clock.desk_now())
        except Exception:  # whatever broke on the way: it may have been paid, so nobody sends it again
            log.exception("no answer for %s", instruction_id)
            answer = Answer(Outcome.UNKNOWN, reason="no answer")
        sent += one_case(record_answer, instruction_id=instruction_id, answer=answer)
        if answer.silent:
            silent.add(place.rail)
    return sent


def resolve_unknown(on: str = "") -> int:
    """Ask the rail what became of payments without an answer, by their own key. They are never sent again."""
    done, silent = 0, set[str]()
    stuck, unknown = partial(settlement.list_stuck, clock.wall_now(), on), partial(settlement.list_unknown, on)
    for instruction_id in chain(each_once(stuck), each_once(unknown)):
        rail, place = rail_of(instruction_id)
        if place.rail in silent:
            if on:
                break
            continue
        key = settlement.get_instruction(instruction_id, actor=SYSTEM).end_to_end_id
        answer = rail.status(place, key, now=clock.desk_now())
        done += one_case(record_answer, instruction_id=instruction_id, answer=answer, final=True, source="POLL")
        if answer.silent:
            silent.add(place.rail)
    return done


def follow_sent(on: str = "") -> int:
    """Ask rails that keep a record of each payment where those stand that they have taken on: their people may still refuse one."""
    done, silent = 0, set[str]()
    places = settlement.list_places(on)
    tracked = {p.rail for p in places if getattr(get_rail(p.rail, p.kind), "tracks", False)}
    for instruction_id in chain(each_once(partial(reports.list_sent, tracked)), each_once(partial(reports.list_drawn, on))):
        rail, place = rail_of(instruction_id)
        if place.rail in silent or not getattr(rail, "tracks", False):
            if on:
                break
            continue
        key = settlement.get_instruction(instruction_id, actor=SYSTEM).end_to_end_id
        answer = getattr(rail, "follow", rail.status)(place, key, now=clock.desk_now())
        if answer.silent:
            silent.add(place.rail)
        if answer.version:  # else it has nothing to add
            done += one_case(record_answer, instruction_id=instruction_id, answer=answer, source="POLL")
    return done


def poll_rails(on: str = "") -> int:
    """New statement lines of every account of ours, then what is on its way in."""
    return read_each(settlement.list_places(on), _poll, whose=lambda one: one.rail, name=lambda one: f"{one.rail} {one.address}")


def _poll(watched: Watched) -> int:
    rail, place = get_rail(watched.rail, watched.kind), place_of(watched)
    now, read = clock.desk_now(), 0
    if incoming := rail.incoming(place, now=now):
        one_case(see_incoming, nostro_id=watched.nostro_id, incoming=incoming)
    statement = rail.statement(place, after=watched.last_sequence, now=now)
    if not statement.entries and (not watched.last_sequence or watched.read_at is None or now - watched.read_at > QUIET):
        one_case(note_balance, nostro_id=watched.nostro_id, balance=statement.balance)
    for entry in statement.entries:
        try:
            read_line(nostro_id=watched.nostro_id, entry=entry)
        except (AppError, DatabaseError) as no:  # whatever it is, this account's statement stands still until it is gone
            log.warning("%s %s line %s (%s) not read: %s", watched.rail, watched.address, entry.sequence, entry.reference, no)
            break  # the next run begins at this line again
        read += 1
    return read


def match_receipts() -> int:
    """FINAL → CLEARED or QUARANTINED, CLEARED → MATCHED."""
    cleared = sum(one_case(clear_receipt, receipt_id=one) for one in each_once(settlement.list_final))
    return cleared + sum(one_case(match_receipt, receipt_id=one) for one in each_once(settlement.list_clearable))


def run_all() -> dict[str, int]:
    """Every sweep once, in the order in which money moves; how much each did."""
    steps: list[Callable[[], int]] = [
        freeze_due, agree_due, instruct_due, poll_rails, venues.poll_venues, match_receipts, review_queue, release_straight_through,
        send_released, resolve_unknown, follow_sent, poll_rails, venues.poll_venues, match_receipts,
    ]  # fmt: skip
    done: dict[str, int] = {}
    for sweep in steps:
        done[sweep.__name__] = done.get(sweep.__name__, 0) + sweep()
    return done


def place_at(nostro_id: UUID, amount: Decimal, reference: str = "opening") -> None:
    """Money that lies on one of our accounts at the simulated bank or chain, without a statement line; once per reference."""
    watched = next(one for one in settlement.list_places() if one.nostro_id == nostro_id)
    outside.opening(place_of(watched), amount, reference)


def place_of(watched: Watched) -> Place:
    return Place(watched.rail, watched.address, watched.asset, watched.confirmations)


def rail_of(instruction_id: UUID) -> tuple[Any, Place]:
    """The adapter of a payment's rail, and our place there; of a venue, for what we fetch from it."""
    i = settlement.get_instruction(instruction_id, actor=SYSTEM)
    if i.direction == "DRAW":
        venue = house_transfers.get_venue(i)
        return venues.adapter(venue), venues.place_of(venue, i.entity.code, i.asset_id)
    nostro = i.nostro
    return get_rail(nostro.rail_id, nostro.rail.kind), Place(nostro.rail_id, nostro.address, nostro.asset_id, nostro.rail.confirmations)


def one_case(case: Callable[..., Any], **kw: Any) -> int:
    """One use case of a sweep: quietly right when somebody was faster; what was refused is logged and comes again."""
    try:
        case(**kw)
    except Conflict as no:
        log.info("%s: %s", case.__name__, no)
        return 0
    except (AppError, DatabaseError) as no:
        log.warning("%s: %s", case.__name__, no)
        return 0
    return 1


@shared_task(name="flowdesk.net_and_instruct")
def net_and_instruct() -> None:
    freeze_due()
    agree_due()
    instruct_due()


@shared_task(name="flowdesk.send_payments")
def send_payments() -> None:
    """A queue of thousands takes minutes to look at: neither the releases nor a rail wait for it, nor has it to end with a task's time."""
    run_each([("review_queue", review_queue), ("release", release_straight_through)])
    run_each((f"send:{rail}", partial(_send_on, rail)) for rail in settlement.list_rails_to_call())


def _send_on(rail: str) -> None:
    send_released(rail)
    resolve_unknown(rail)
    follow_sent(rail)


@shared_task(name="flowdesk.read_rails")
def read_rails() -> None:
    run_each((f"read:{rail}", partial(poll_rails, rail)) for rail in sorted({place.rail for place in settlement.list_places()}))
    run_each([("match_receipts", match_receipts)])
