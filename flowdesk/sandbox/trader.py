"""A trader who prices, holds, withdraws and rejects as the scenario of each request says; what has none is priced within a second."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.api.sandbox import notes
from apps.api.sandbox.scenarios import SCRIPTS, Step
from apps.core.actor import Actor
from apps.core.errors import AppError
from apps.pricing.feeds import bus
from apps.pricing.rules.worth import usd_per
from apps.rfqs import queries as rfqs
from apps.users import queries as users
from apps.workflows.quote_by_hand import preview_by_hand, quote_by_hand
from apps.workflows.withdraw_quote import withdraw_quote
from apps.workflows.work_rfq import hold_rfq, pick_up, reject_rfq, resume_rfq

log = logging.getLogger(__name__)
NOTE_S = Decimal("0.3")  # a request is seen before its answer, and with it its note, is out


@dataclass
class _Work:
    since: Decimal
    steps: list[Step] | None = None  # None: not yet known which
    done: list[str] = field(default_factory=list)


class Trader:
    """:param clock: seconds that only go forward; the tests bring their own"""

    def __init__(self, username: str = "tara", clock: Callable[[], Decimal] = lambda: Decimal(time.monotonic_ns()) / 10**9) -> None:
        self.actor: Actor = users.get_by_username(username).as_actor()
        self._clock = clock
        self._work: dict[UUID, _Work] = {}

    def step(self) -> int:
        """Look at the inbox once and do what is due; how much was done."""
        now = self._clock()
        waiting = {one.id: one for one in rfqs.list_open(self.actor)}
        self._work = {rfq_id: work for rfq_id, work in self._work.items() if rfq_id in waiting}
        done = 0
        for rfq in waiting.values():
            work = self._work.get(rfq.id)
            if work is None:
                if rfq.status != "RECEIVED":
                    continue  # priced by itself, or somebody else's
                work = self._work[rfq.id] = _Work(now)
            if work.steps is None:
                if now - work.since < NOTE_S:
                    continue
                work.steps = list(SCRIPTS[notes.read("desk", rfq.id) or "manual"])
            while work.steps and now - work.since >= work.steps[0].after_s:
                done += self._do(work.steps.pop(0), rfq)
        return done

    def _do(self, step: Step, rfq: Any) -> bool:
        try:
            if rfq.owner_id is None and "picked" not in self._work[rfq.id].done:
                pick_up(actor=self.actor, rfq_id=rfq.id)
                self._work[rfq.id].done.append("picked")
            if step.act == "price":
                self._price(rfq)
            elif step.act == "withdraw":
                quote = rfqs.find_last_quote(rfq.id)
                if quote is not None:
                    withdraw_quote(actor=self.actor, quote_id=quote.id)
            elif step.act == "hold":
                hold_rfq(actor=self.actor, rfq_id=rfq.id)
            elif step.act == "resume":
                resume_rfq(actor=self.actor, rfq_id=rfq.id)
            else:
                note = "a scenario of the sandbox" if step.code == "other" else ""
                reject_rfq(actor=self.actor, rfq_id=rfq.id, code=step.code, note=note)
        except AppError as no:  # answered, ended or too large meanwhile: a person would shrug too
            log.info("sandbox trader: %s %s: %s", rfq.id, step.act, no)
            return False
        return True

    def _price(self, rfq: Any) -> None:
        depth = bus.read_depth(rfq.pair_id)
        market = {"depth": depth, "usd_per_quote": usd_per(rfq.pair_id.rpartition("-")[2], depth)}
        seen = preview_by_hand(actor=self.actor, rfq_id=rfq.id, prices={}, **market)
        quote_by_hand(
            actor=self.actor, rfq_id=rfq.id, prices={side: one.price for side, one in seen.suggested.items()}, sure=True, **market
        )
