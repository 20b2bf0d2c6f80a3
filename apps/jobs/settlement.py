"""Settlement by time: sweeps that list what is due, and one use case each. Safe to run twice at once."""

import logging
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
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
from apps.settlement.rails.base import Answer, Outcome, Place, Silence
from apps.workflows.read_statement import clear_receipt, match_receipt, note_balance, read_line, see_incoming
from apps.workflows.request_release import release_by_itself
from apps.workflows.send_payment import begin_sending, record_answer, review_payment
from apps.workflows.settle_net_set import agree_net_set, freeze_net_set, instruct_net_set
from apps.workflows.transfer_balance import fund_nostro, instruct_withdrawal
from apps.workflows.transfer_house import instruct_house_transfer

from .turns import turn

QUIET = timedelta(minutes=1)  # after which it is noted that a statement was read though it brought nothing
log = logging.getLogger(__name__)


def freeze_sets() -> int:
    """Sets whose cut-off has passed, each account's in a transaction of its own; one that cannot be frozen stops no other."""
    return sum(
        one_case(freeze_net_set, account_id=f.account_id, entity_id=f.entity_id, value_date=f.value_date, cutoff_at=f.cutoff_at)
        for f in settlement.list_due_freezes(clock.desk_now())
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
    return sum(one_case(agree_net_set, net_set_id=one, actor=SYSTEM) for one in settlement.list_due_agreements(clock.desk_now()))


def instruct_sets() -> int:
    """Legs without a living payment."""
    return sum(one_case(instruct_net_set, net_set_id=one) for one in settlement.list_sets_to_instruct())


def instruct_due() -> int:
    """Withdrawals that are held, house transfers that are checked; legs have their payments from :func:`freeze_due`."""
    return sum(one_case(instruct_withdrawal, withdrawal_id=one) for one in settlement.list_held_withdrawals()) + _house_transfers()


def _house_transfers() -> int:
    """Those that finance has checked."""
    return sum(one_case(instruct_house_transfer, transfer_id=one) for one in house_transfers.list_approved())


def review_queue() -> int:
    """READY ⇄ BLOCKED, as the gate stands now."""
    return sum(one_case(review_payment, instruction_id=one) for one in settlement.list_queue())


def release_straight_through() -> int:
    """Legs within their rail's band that nothing blocks leave without people."""
    return sum(one_case(release_by_itself, instruction_id=one) for one in settlement.list_straight_through())


def send_released() -> int:
    """SENDING is committed first, then the rail is called, then its answer is recorded."""
    sent, silent = 0, set[str]()
    for instruction_id in settlement.list_released():
        rail, place = rail_of(instruction_id)
        if place.rail in silent:
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


def resolve_unknown() -> int:
    """Ask the rail what became of payments without an answer, by their own key. They are never sent again."""
    done, silent = 0, set[str]()
    for instruction_id in settlement.list_stuck(clock.wall_now()) + settlement.list_unknown():
        rail, place = rail_of(instruction_id)
        if place.rail in silent:
            continue
        key = settlement.get_instruction(instruction_id, actor=SYSTEM).end_to_end_id
        answer = rail.status(place, key, now=clock.desk_now())
        done += one_case(record_answer, instruction_id=instruction_id, answer=answer, final=True, source="POLL")
        if answer.silent:
            silent.add(place.rail)
    return done


def follow_sent() -> int:
    """Ask rails that keep a record of each payment where those stand that they have taken on: their people may still refuse one."""
    done, silent = 0, set[str]()
    places = settlement.list_places()
    for instruction_id in reports.list_sent({p.rail for p in places if getattr(get_rail(p.rail, p.kind), "tracks", False)}):
        rail, place = rail_of(instruction_id)
        if place.rail in silent:
            continue
        key = settlement.get_instruction(instruction_id, actor=SYSTEM).end_to_end_id
        answer = getattr(rail, "follow", rail.status)(place, key, now=clock.desk_now())
        if answer.silent:
            silent.add(place.rail)
        if answer.version:  # else it has nothing to add
            done += one_case(record_answer, instruction_id=instruction_id, answer=answer, source="POLL")
    return done


def poll_rails() -> int:
    """New statement lines of every account of ours, then what is on its way in."""
    read, silent = 0, set[str]()
    for watched in settlement.list_places():
        if watched.rail in silent:
            continue
        try:
            read += _poll(watched)
        except Silence as no:
            silent.add(watched.rail)
            log.warning("%s %s not read: no answer: %s", watched.rail, watched.address, no)
        except Exception:  # one rail that does not answer never keeps the others waiting
            log.exception("%s %s not read", watched.rail, watched.address)
    return read


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
    cleared = sum(one_case(clear_receipt, receipt_id=one) for one in settlement.list_final())
    return cleared + sum(one_case(match_receipt, receipt_id=one) for one in settlement.list_clearable())


def run_all() -> dict[str, int]:
    """Every sweep once, in the order in which money moves; how much each did."""
    steps: list[Callable[[], int]] = [
        freeze_due, agree_due, instruct_due, poll_rails, match_receipts, review_queue, release_straight_through, send_released,
        resolve_unknown, follow_sent, poll_rails, match_receipts,
    ]  # fmt: skip
    done: dict[str, int] = {}
    for sweep in steps:
        done[sweep.__name__] = done.get(sweep.__name__, 0) + sweep()
    return done


def place_at(nostro_id: UUID, amount: Decimal, reference: str = "opening") -> None:
    """Money that lies on one of our accounts at the simulated bank or chain, without a statement line; once per reference."""
    watched = next(one for one in settlement.list_places() if one.nostro_id == nostro_id)
    outside.opening(place_of(watched), amount, reference)


def fund(nostro_id: UUID, amount: Decimal, reference: str = "opening") -> None:
    """More capital on one of our accounts, in the ledger and on the simulated rail alike."""
    place_at(nostro_id, amount, reference)
    fund_nostro(nostro_id=nostro_id, amount=amount, reference=reference)


def place_of(watched: Watched) -> Place:
    return Place(watched.rail, watched.address, watched.asset, watched.confirmations)


def rail_of(instruction_id: UUID) -> tuple[Any, Place]:
    """The adapter of a payment's rail, and our place there."""
    nostro = settlement.get_instruction(instruction_id, actor=SYSTEM).nostro
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
    with turn("send_payments") as mine:
        if not mine:
            return
        review_queue()
        release_straight_through()
        send_released()
        resolve_unknown()
        follow_sent()


@shared_task(name="flowdesk.read_rails")
def read_rails() -> None:
    with turn("read_rails") as mine:
        if not mine:
            return
        poll_rails()
        match_receipts()
