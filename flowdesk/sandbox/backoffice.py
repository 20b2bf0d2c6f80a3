"""Operations and the clients' banks: releases under four eyes, and pays what clients owe, on time or as a scenario says."""

import logging
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.api.sandbox import notes
from apps.api.sandbox.scenarios import OUTCOMES
from apps.clients import queries as clients
from apps.core import clock, money
from apps.core.actor import SYSTEM
from apps.core.errors import AppError
from apps.instruments.rules import business_date
from apps.jobs import settlement as jobs
from apps.settlement import queries as settlement
from apps.settlement.queries.gate import split_of
from apps.settlement.rails import get_rail, outside
from apps.users import queries as users
from apps.workflows.decide_approval import decide_approval
from apps.workflows.request_release import request_release
from apps.workflows.stage_parts import release_in_parts

log = logging.getLogger(__name__)
NEVER, HALF, LATE, STRANGER = "settle_default", "settle_partial", "settle_late", "settle_stranger"
OTHER_NAME, RECALLED, IN_PARTS = "settle_third_party", "settle_recalled", "pay_parts"
RECALLED_AFTER = timedelta(hours=1)


class BackOffice:
    def __init__(self) -> None:
        self.maker = users.get_by_username("olga").as_actor()
        self.checker = users.get_by_username("oscar").as_actor()
        self._plans: dict[UUID, str] = {}  # by payment to us
        self._paid: set[UUID] = set()
        self._recalls: list[tuple[datetime, Any, str]] = []  # when, where, by the rail's reference

    def step(self) -> int:
        """Everything that is due now; how much was done."""
        return self._recall() + self._clients_pay() + self._deposits_come() + self._release()

    def _release(self) -> int:
        ready = [one for one in settlement.list_instructions(SYSTEM) if one.status == "READY"]
        together = []
        for one in ready:
            scenario = notes.take("MONEY_OUT", one.account_id) if one.account_id is not None else ""
            if scenario in OUTCOMES:
                outside.script(jobs.place_of(self._place(one)), OUTCOMES[scenario], amount=one.amount)
            if scenario != IN_PARTS or not self._release_in_parts(one):
                together.append(one.id)
        if not together:
            return len(ready)
        try:
            asked = request_release(actor=self.maker, instruction_ids=together)
            decide_approval(approval_id=asked.id, actor=self.checker, approve=True, comment="the sandbox's operations")
        except AppError as no:
            log.info("sandbox operations: %s", no)
            return len(ready) - len(together)
        return len(ready)

    def _release_in_parts(self, one: Any) -> bool:
        """In two, of which the second is booked slowly; False where it cannot be cut, or is by its rail's own limit."""
        half = money.round_down(one.amount / 2, one.asset.scale)
        if not half or one.whole_id is not None or one.returns_id is not None or split_of(one) != [one.amount]:
            return False
        place, parts = jobs.place_of(self._place(one)), ((one.amount - half, "OK"), (half, "SLOW"))
        for amount, outcome in parts:  # before it is released: the worker may send it at once
            outside.script(place, outcome, amount=amount, beneficiary=one.beneficiary_address)
        try:
            release_in_parts(instruction_id=one.id, largest=one.amount - half)
        except AppError as no:
            log.info("sandbox operations: %s", no)
            for amount, outcome in parts:
                outside.unscript(place, outcome, amount=amount, beneficiary=one.beneficiary_address)
            return False
        return True

    def _clients_pay(self) -> int:
        today, paid = business_date(clock.desk_now()), 0
        for one in settlement.list_instructions(SYSTEM):
            if one.status not in {"EXPECTED", "PART_RECEIVED"} or one.account_id is None or one.id in self._paid or one.due_date > today:
                continue
            plan = self._plans.setdefault(one.id, notes.take("MONEY_IN", one.account_id))
            if plan == LATE and today < one.due_date + timedelta(days=1):
                continue
            self._paid.add(one.id)
            paid += plan != NEVER and self._pay(one, self._place(one), one.amount - one.settled_amount, one.end_to_end_id, plan)
        return paid

    def _deposits_come(self) -> int:
        """What a client has announced comes at once."""
        came = 0
        for one in settlement.list_deposits(SYSTEM).filter(status="EXPECTED"):
            place = next((place for place in settlement.list_places() if place.asset == one.asset_id), None)
            if one.id in self._paid or place is None:
                continue
            self._paid.add(one.id)
            plan = notes.take("MONEY_IN", one.account_id)
            came += plan != NEVER and self._pay(one, place, one.amount, "", plan)
        return came

    def _recall(self) -> int:
        now = clock.desk_now()
        due, self._recalls = [one for one in self._recalls if one[0] <= now], [one for one in self._recalls if one[0] > now]
        for at, place, reference in due:
            outside.reorganise(place, reference, at=at)
        return len(due)

    def _pay(self, one: Any, place: Any, owed: Decimal, remittance: str, plan: str) -> bool:
        ssi = clients.find_active_ssi(one.account_id, one.asset_id)
        if ssi is None:
            return False
        now = clock.desk_now()
        reference = get_rail(place.rail, place.kind).pay_in(  # type: ignore[attr-defined]
            jobs.place_of(place),
            money.round_down(owed / 2, one.asset.scale) or owed if plan == HALF else owed,  # what cannot be halved is paid whole
            sender_name="Nobody Known Ltd" if plan in {STRANGER, OTHER_NAME} else ssi.holder,
            sender_address="000000000-0" if plan == STRANGER else ssi.address,
            remittance="" if plan == STRANGER else remittance,
            at=now,
        )
        if plan == RECALLED:
            self._recalls.append((now + RECALLED_AFTER, jobs.place_of(place), reference))
        return True

    def _place(self, one: Any) -> Any:
        return next(place for place in settlement.list_places() if place.nostro_id == one.nostro_id)
