"""`manage.py propose_coverage ACCOUNT`: ask risk that these people of sales cover an account."""

from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import money
from apps.core.errors import AppError
from apps.users import queries as users
from apps.workflows.cover_account import propose_coverage


class Command(BaseCommand):
    help = (
        "Ask that people of sales cover an account, with their shares of the credit for its deals, and who introduced it. Risk decides in "
        "the desk; deals from then on keep it. Exit codes: 0 asked, 1 refused, 2 wrong use."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="code of the account, as in acme-main")
        parser.add_argument("--sales", action="append", default=[], metavar="USERNAME=SHARE", help="share in percent; they sum to 100")
        parser.add_argument("--introducer", default="", help="code of the introducer")
        parser.add_argument("--by", required=True, metavar="USERNAME", help="who of sales asks")

    def handle(self, *, account: str, sales: list[str], introducer: str, by: str, **_: Any) -> None:
        shares: dict[str, Decimal] = {}
        for one in sales:
            name, _equals, share = one.partition("=")
            try:
                shares[name] = money.parse(share)
            except money.NotAnAmount as no:
                raise CommandError(f"--sales {one}: {no}", returncode=2) from None
        try:
            asked = propose_coverage(actor=users.get_by_username(by).as_actor(), account=account, sales=shares, introducer=introducer)
        except AppError as no:
            raise CommandError(f"{no.code}: {no.detail}") from no
        self.stdout.write(f"{asked.title}: risk is asked (approval {asked.id})")
