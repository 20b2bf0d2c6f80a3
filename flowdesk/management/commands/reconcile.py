"""`manage.py reconcile`: the four proofs of a business date, and every break."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.close.errors import DayIsClosed
from apps.core import clock, money
from apps.core.errors import AppError
from apps.instruments import queries as instruments
from apps.workflows.reconcile import due_date, reconcile


class Command(BaseCommand):
    help = (
        "Prove a business date against what others say: balances and movements against statements, hedges against the LP's record, venues "
        "against their balances. Breaks are kept and age; running it again doubles nothing. Exit codes: 0 nothing is open, 1 there are "
        "breaks, 2 wrong use."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, help="by default the first open day that has rolled, else the running one")
        parser.add_argument("--entity", help="code of one booking entity; by default all")

    def handle(self, *, date: date | None, entity: str | None, **_options: Any) -> None:
        open_breaks = 0
        try:
            for one in [instruments.get_entity(entity)] if entity else instruments.list_entities():
                on = date or due_date(one.id, clock.desk_now())
                done = reconcile(entity_id=one.id, on=on)
                self.stdout.write(f"{one.code} {on.isoformat()}")
                for proof in done.proofs:
                    explained = proof.detail.get("explained", [])
                    said = "PROVEN" if proof.proven and not explained else f"{len(proof.breaks)} open, {len(explained)} explained"
                    self.stdout.write(f"  {proof.kind:10}{said}")
                for row in done.breaks:
                    amount = "" if row.amount is None else f" {money.text(row.amount)} {row.asset_code}"
                    age = max((on - row.since).days, 0)
                    self.stdout.write(f"    {row.proof} {row.kind}{amount}, {age} d, {row.owner_name or 'nobody'}: {row.words}")
                open_breaks += len(done.breaks)
        except DayIsClosed as no:
            raise CommandError(f"{no.detail}: its proofs are those that it was closed by", returncode=2) from no
        except AppError as no:
            raise CommandError(f"{no.code}: {no.detail}", returncode=2) from no
        if open_breaks:
            raise SystemExit(1)
