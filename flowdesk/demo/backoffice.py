"""The back office of the demo: money in and out, net sets, releases under four eyes, marks, close and reports.

Each of our people acts under their own name; what the clients do over the API they do through their own process; the banks,
chains and strangers of the outside are the simulators behind the rails.
"""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.approvals import queries as approvals
from apps.clients import queries as clients
from apps.core import clock, money
from apps.core.actor import SYSTEM
from apps.instruments import queries as instruments
from apps.instruments import rules as calendar
from apps.jobs import events as subscribers
from apps.jobs import notify
from apps.jobs import reports as report_jobs
from apps.jobs import settlement as jobs
from apps.reports.queries import runs
from apps.settlement import queries as settlement
from apps.settlement.models import HouseTransfer
from apps.settlement.operations.venue_places import Way
from apps.settlement.queries import venues
from apps.settlement.queries.due import Watched
from apps.settlement.rails import get_rail, outside
from apps.settlement.states import HouseTransferStatus
from apps.users import queries as users
from apps.workflows.close_day import close_day, retake_proofs, start_close
from apps.workflows.decide_approval import decide_approval
from apps.workflows.open_day import open_day
from apps.workflows.pay_in_at_venues import request_venue_place
from apps.workflows.propose_marks import propose_marks
from apps.workflows.read_statement import request_receipt_decision
from apps.workflows.reconcile import import_venue_balances
from apps.workflows.request_release import request_release
from apps.workflows.transfer_house import ask_house_transfer

from .stage import ClientProcess, DemoFailed
from .trading import TradingDay

PREFUNDING = {"USD": Decimal(4_000_000), "EUR": Decimal(400_000), "BTC": Decimal(25), "ETH": Decimal(400)}
STRANGER = Decimal("12345.67")
WITHDRAWN = Decimal(250_000)
FUNDED = Decimal(100_000)
HOURS = (time(7), time(9), time(12), time(15, 5), time(16, 10), time(18), time(20, 30))
LONGEST = timedelta(days=12)


class BackOffice:
    """What operations, finance and compliance do on the day and on the days after it."""

    def __init__(self, trading: TradingDay, process: ClientProcess) -> None:
        self.trading, self.process = trading, process
        self.entity = instruments.get_entity("flowdesk")
        self.people = {name: users.get_by_username(name).as_actor() for name in ("olga", "oscar", "fay", "finn", "carl", "cora", "rita")}
        self.done: Counter[str] = Counter()
        self._return_scripted = False
        self._paid: set[UUID] = set()
        self._funding: HouseTransfer | None = None

    # --- money that comes in ------------------------------------------------------------------------------------------
    def prefund(self) -> None:
        """cygnus pays in what it will deal with, and a stranger sends what nobody expects; both are final before trading."""
        early = self.trading.now - timedelta(hours=3)
        clock.freeze_desk(early)
        cygnus = clients.get_default_account("cygnus")
        for asset, amount in PREFUNDING.items():
            self._pay_in(asset, amount, account_id=cygnus.id, remittance="prefunding", at=early)
        outside_line = self._place("USD")
        get_rail(outside_line.rail, outside_line.kind).pay_in(  # type: ignore[attr-defined]
            jobs.place_of(outside_line),
            STRANGER,
            sender_name="Quiet Harbour Import Export",
            sender_address="026011111-40404040",
            remittance="invoice 77",
            at=early,
        )
        clock.freeze_desk(self.trading.now - timedelta(minutes=20))
        self.run_jobs()

    def return_the_strangers_money(self) -> None:
        """Quarantined; operations propose to return it, compliance decides."""
        held = [r for r in settlement.list_receipts(SYSTEM) if r.status == "QUARANTINED"]
        if len(held) != 1 or held[0].amount != STRANGER:
            raise DemoFailed(f"one receipt of an unknown sender should wait in quarantine, {len(held)} do")
        asked = request_receipt_decision(actor=self.people["olga"], receipt_id=held[0].id, decision="return", reason="nobody of ours")
        self._decide(asked.id, "cora", "return it to the remitting account")

    # --- the sweeps and the people between them -------------------------------------------------------------------------
    def run_jobs(self) -> None:
        jobs.run_all()
        subscribers.drive_all()
        notify.send_due()

    def release(self) -> None:
        """Operations ask for all that the gate lets through; another of operations releases."""
        ready = [i for i in settlement.list_instructions(SYSTEM) if i.status == "READY"]
        if not ready:
            return
        if not self._return_scripted:
            self._script_a_return(ready)
        asked = request_release(actor=self.people["olga"], instruction_ids=[i.id for i in ready])
        status = self._decide(asked.id, "oscar", "checked against the net sets")
        if status != "EXECUTED":
            raise DemoFailed(f"the release of {len(ready)} payments ended {status}")
        self.done["released"] += len(ready)

    def clients_pay(self, today: date) -> None:
        """Every client pays what it owes when it is due, with our reference."""
        for one in settlement.list_instructions(SYSTEM):
            if one.status in {"EXPECTED", "PART_RECEIVED"} and one.due_date <= today and one.id not in self._paid:
                assert one.account_id is not None
                self._paid.add(one.id)
                watched = next(w for w in settlement.list_places() if w.nostro_id == one.nostro_id)
                self._pay_in(
                    one.asset_id,
                    one.amount - one.settled_amount,
                    account_id=one.account_id,
                    remittance=one.end_to_end_id,
                    at=clock.desk_now(),
                    watched=watched,
                )

    def withdraw(self) -> None:
        """cygnus takes money out: one member asks over the API, another approves; our operations release it."""
        body = {"asset": "USD", "amount": money.text(WITHDRAWN), "client_reference": "wd-1"}
        asked = self.process.call("post", client="cygnus-treasury", path="/api/v1/withdrawals", body=body)
        if "code" in asked:
            raise DemoFailed(f"cygnus could not ask for its money: {asked['code']}: {asked['detail']}")
        path = f"/api/v1/withdrawals/{asked['answer']['id']}/approve"
        same = self.process.call("post", client="cygnus-treasury", path=path, body={})
        if same.get("code") != "second_member_needed":
            raise DemoFailed(f"a member approved its own withdrawal: {same}")
        approved = self.process.call("post", client="cygnus-controller", path=path, body={})
        if "code" in approved:
            raise DemoFailed(f"cygnus's second member could not approve: {approved['code']}: {approved['detail']}")

    def fund_the_venue(self) -> None:
        """Operations say where northgate is paid and ask for money there, finance grant both; then it is released as all payments are."""
        way = Way(self._place("USD").rail, "021000021-7001", "Northgate Exchange", bic="CHASUS33", reference="FLOW-77")
        olga = self.people["olga"]
        asked = request_venue_place(actor=olga, entity_id=self.entity.id, counterparty="northgate", way=way, reason="as in the contract")
        self._decide(asked.id, "fay", "the contract says so")
        ends = {"source_id": self._place("USD").nostro_id, "target_id": venues.list_places()[0].id}
        self._funding, asked = ask_house_transfer(actor=olga, **ends, amount=FUNDED, reason="to trade on")
        self._decide(asked.id, "finn", "there is enough")

    # --- evening --------------------------------------------------------------------------------------------------------
    def close(self, day: date) -> str:
        """Marks before the roll, then proofs, close and reports after it."""
        _, roll = calendar.business_day_bounds(day, calendar.Roll(self.entity.roll, self.entity.zone))
        self.trading.move(roll - timedelta(minutes=5))
        mids = {pair.rpartition("-")[0]: depth.mid for pair, depth in self.trading.prices.items() if pair.endswith("-USD")}
        _, asked = propose_marks(
            actor=self.people["fay"],
            entity_id=self.entity.id,
            business_date=day,
            mids=mids,
            source=f"composite at {self.trading.now:%H:%M}Z",
        )
        self._decide(asked.id, "rita", "within limits")
        for flagged in approvals.list_open().filter(kind="agreed_deal"):  # nothing is paid on a deal that nobody stands by
            self._decide(flagged.id, "rita", "the recording says so")
        open_day(entity_id=self.entity.id, on=day)
        clock.freeze_desk(roll + timedelta(minutes=5))
        self.run_jobs()
        held = self.trading.held_at_venue()
        if self._is_funded():
            held["USD"] = held.get("USD", money.ZERO) + FUNDED
        record = "".join(f"{asset},{money.text(amount)}\n" for asset, amount in sorted(held.items()))
        import_venue_balances(actor=None, entity_id=self.entity.id, counterparty="northgate", on=day, text=f"asset,amount\n{record}")
        start_close(actor=self.people["olga"], entity_id=self.entity.id, on=day)
        proofs = retake_proofs(entity_id=self.entity.id, on=day)
        closed = close_day(actor=self.people["finn"], entity_id=self.entity.id, on=day)
        while subscribers.seal():  # the worker's tick: statements name the chain's head
            pass
        subscribers.anchor()
        report_jobs.run_date(day)
        return f"{closed.status}, {sum(p.proven for p in proofs)} of {len(proofs)} proofs"

    def settle_until_nothing_is_open(self, day: date, step: Any) -> date:
        """Walk the clock over the value dates until every obligation is settled.

        :raises DemoFailed: something is still open after the longest chain of value dates
        """
        on = day
        while on <= day + LONGEST:
            for hour in HOURS:
                at = datetime.combine(on, hour, UTC)
                if at <= clock.desk_now():
                    continue
                clock.freeze_desk(at)
                self.run_jobs()
                self.clients_pay(on)
                self.release()
                self.run_jobs()
                step()
            if self._is_done():
                return on
            on += timedelta(days=1)
        raise DemoFailed(f"still open on {on}: {self.open_items()}")

    def open_items(self) -> dict[str, int]:
        """What has not settled, by kind and status."""
        found: Counter[str] = Counter()
        found.update(f"obligation {o.status}" for o in settlement.list_obligations(SYSTEM) if o.status not in {"SETTLED", "CANCELLED"})
        ended = {"SETTLED", "RECEIVED", "CANCELLED", "RETURNED", "FAILED"}
        found.update(f"{i.direction} {i.status}" for i in settlement.list_instructions(SYSTEM) if i.status not in ended)
        found.update(f"receipt {r.status}" for r in settlement.list_receipts(SYSTEM) if r.status not in {"MATCHED", "RETURNED", "DROPPED"})
        if self._funding is not None and not self._is_funded():
            found["transfer to the venue"] += 1
        found.update(f"withdrawal {w.status}" for w in settlement.list_withdrawals(SYSTEM) if w.status != "SETTLED")
        return dict(found)

    def figures(self) -> dict[str, int]:
        payments = [i for i in settlement.list_instructions(SYSTEM) if i.direction == "PAY"]
        return {
            "net sets settled": sum(s.status == "SETTLED" for s in settlement.list_net_sets(SYSTEM)),
            "payments made": sum(i.status == "SETTLED" for i in payments),
            "returned and paid again": sum(i.status == "RETURNED" for i in payments),
            "receipts matched": sum(r.status == "MATCHED" for r in settlement.list_receipts(SYSTEM)),
            "returned to an unknown sender": sum(r.status == "RETURNED" for r in settlement.list_receipts(SYSTEM)),
            "transfers to the venue": int(self._is_funded()),
            "withdrawals settled": sum(w.status == "SETTLED" for w in settlement.list_withdrawals(SYSTEM)),
        }

    def files(self, days: list[date]) -> list[str]:
        """The report files of these dates, as paths."""
        return [str(settings.REPORTS_DIR / file["name"]) for day in days for run in runs.list_runs(day) for file in run.files]

    # --- small things ---------------------------------------------------------------------------------------------------
    def _is_done(self) -> bool:
        return not self.open_items()

    def _is_funded(self) -> bool:
        """Whether the venue's own record shows our money."""
        if self._funding is not None:
            self._funding.refresh_from_db()
        return self._funding is not None and self._funding.status == HouseTransferStatus.SETTLED

    def _is_house(self, watched: Watched) -> bool:
        return next(n for n in settlement.list_nostros() if n.id == watched.nostro_id).designation == "HOUSE"

    def _place(self, asset: str, house: bool = True) -> Watched:
        return next(w for w in settlement.list_places() if w.asset == asset and self._is_house(w) == house)

    def _pay_in(
        self, asset: str, amount: Decimal, *, account_id: Any, remittance: str, at: datetime, watched: Watched | None = None
    ) -> None:
        ssi = clients.find_active_ssi(account_id, asset)
        assert ssi is not None
        place = watched or self._place(asset)
        get_rail(place.rail, place.kind).pay_in(  # type: ignore[attr-defined]
            jobs.place_of(place), amount, sender_name=ssi.holder, sender_address=ssi.address, remittance=remittance, at=at
        )

    def _script_a_return(self, ready: list[Any]) -> None:
        """The bank sends one payment to a client back two hours after it booked it."""
        for one in ready:
            if one.asset_id in {"USD", "EUR"} and one.net_leg_id is not None:
                watched = next(w for w in settlement.list_places() if w.nostro_id == one.nostro_id)
                outside.script(jobs.place_of(watched), "RETURN", amount=one.amount)
                self._return_scripted = True
                return

    def _decide(self, approval_id: Any, checker: str, comment: str) -> str:
        return str(decide_approval(approval_id=approval_id, actor=self.people[checker], approve=True, comment=comment).status)
