"""`manage.py seed_demo`: the people and firms of the demo."""

from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError

from apps.clients import queries as clients
from apps.core.errors import AppError, NotFound
from apps.instruments import queries as instruments
from apps.jobs.settlement import place_at
from apps.ledger import queries as ledger
from apps.settlement import queries as settlement
from apps.users import queries as users
from apps.workflows.decide_approval import decide_approval
from apps.workflows.load_list import load_list
from apps.workflows.manage_staff import register_staff
from apps.workflows.onboard_client import onboard_client, register_counterparty
from apps.workflows.open_balances import Wanted, ask_openings, today
from apps.workflows.set_up_house import open_nostro
from flowdesk import demo_firms


class Command(BaseCommand):
    help = (
        "Seed the demo's staff logins, clients, LPs, bank accounts and screening list. May run any number of times: what is there stays as "
        "it is. Only where FLOWDESK_ENVIRONMENT is demo or sandbox; with DEBUG=0 the staff get no password (set one by changepassword). "
        "Exit codes: 0 done, 1 refused."
    )

    def handle(self, *_args: Any, verbosity: int = 1, **_options: Any) -> None:
        if settings.ENVIRONMENT not in {"demo", "sandbox"}:
            raise CommandError(f"seed_demo: refused, FLOWDESK_ENVIRONMENT is {settings.ENVIRONMENT}; it seeds a demo or sandbox only")
        try:
            made = {
                "staff": self._staff(),
                "screening names": load_list(list_name="DEMO", entries=demo_firms.SCREENED),
                "counterparties": self._others(),
                "bank accounts and wallets": self._nostros(),
                "openings": self._capital(),
                "clients": self._clients(),
            }
        except AppError as no:
            raise CommandError(f"seed_demo: {no.code}: {no.detail}") from no
        if verbosity:
            self.stdout.write("seeded: " + ", ".join(f"{count} {what}" for what, count in made.items()))

    def _staff(self) -> int:
        new = [one for one in settings.DEMO_STAFF if not _exists(users.get_by_username, one[0])]
        encoded = make_password(settings.DEMO_PASSWORD) if new and settings.DEMO_PASSWORD else ""
        for username, name, role in new:
            register_staff(username=username, name=name, roles=[role], encoded=encoded)
        return len(new)

    def _others(self) -> int:
        new = [one for one in demo_firms.OTHERS if not _exists(clients.get_client, one.code)]
        for one in new:
            register_counterparty(code=one.code, name=one.name, lei=one.lei, country=one.country, roles=list(one.roles))
        return len(new)

    def _nostros(self) -> int:
        entity = instruments.get_entity("flowdesk")
        new = [one for one in demo_firms.NOSTROS if settlement.find_place(rail_code=one.rail, address=one.address) is None]
        for one in new:
            open_nostro(
                entity_id=entity.id, rail=one.rail, asset=one.asset, name=one.name, address=one.address, designation=one.designation
            )
        return len(new)

    def _capital(self) -> int:
        """What our own accounts hold before the first deal, at the simulated bank or chain, and opened in the ledger by two of finance."""
        entity, wanted = instruments.get_entity("flowdesk"), []
        for place in demo_firms.NOSTROS:
            nostro = settlement.find_place(rail_code=place.rail, address=place.address)
            if nostro is not None and place.opening and not ledger.has_moved(nostro.id):
                place_at(nostro.id, place.opening)
                wanted.append(Wanted("nostro", f"{place.rail}/{place.address}", place.asset, place.opening))
        if wanted:
            asked = ask_openings(
                actor=users.get_by_username("fay").as_actor(),
                entity_id=entity.id,
                on=today(entity.id),
                wanted=wanted,
                evidence="what the demo begins with",
            )
            done = decide_approval(approval_id=asked.id, actor=users.get_by_username("finn").as_actor(), approve=True)
            if done.status != "EXECUTED":
                raise CommandError(f"seed_demo: the opening balances ended {done.status}: {done.comment}")
        return len(wanted)

    def _clients(self) -> int:
        new = [one for one in demo_firms.CLIENTS if not _exists(clients.get_client, one.code)]
        for applicant in new:
            onboard_client(
                applicant=applicant,
                entity_id=instruments.get_entity("flowdesk").id,
                book_id=instruments.get_book("main").id,
                approved_by=users.get_by_username("rita").id,
            )
        return len(new)


def _exists(get: Any, name: str) -> bool:
    try:
        get(name)
    except NotFound:
        return False
    return True
