"""The demo from the empty database to the summary: set up, trade, settle, close, report, compare."""

import io
import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management import call_command

from apps.clients import queries as clients
from apps.core import clock
from apps.jobs import webhooks
from apps.pricing import queries as pricing
from apps.pricing.feeds.composer import Composer
from apps.pricing.feeds.factory import first_business_date, make_feed

from . import plan, stage
from .backoffice import BackOffice
from .compare import compare, compare_hooked
from .desk import Sales, Trader
from .summary import Options, figures
from .teller import Teller
from .trading import TradingDay

# Without a file the day is always this one (a Tuesday), so that the same seed gives the same deals whenever it is run.
DEFAULT_DAY = date(2026, 9, 15)
BEFORE = time(4)  # the desk is set up, then money comes in, then the day opens
CLIENTS = ("acme", "borealis", "cygnus")
HOOKED = "acme"  # who has a webhook, too


def run(options: Options, teller: Teller) -> dict[str, Any]:
    """Run the day in the engines that the caller holds, on an empty and migrated database.

    :return: the summary, as it is written to summary.json
    :raises DemoFailed: a promise was seen broken, or a process of the stage failed
    """
    day = first_business_date(options.prices) if options.prices is not None else DEFAULT_DAY
    clock.freeze_desk(datetime.combine(day, BEFORE, UTC))
    composer = Composer(make_feed(options.prices, options.seed, day), pricing.get_recipe())
    with teller.stage("Setting up the desk", 1) as done:
        call_command("seed_demo", verbosity=0)
        keys = _keys(options.folder)
        done()
    with stage.platform(options.folder / "logs") as (web, live), stage.clients(web, live, keys) as process:
        trading = TradingDay(day=day, composer=composer, clients=process, folder=options.folder, trader=Trader(web), sales=Sales(web))
        office = BackOffice(trading, process)
        with teller.stage("Before the open: prefunding", 1) as done:
            office.prefund()
            process.call("hook", client=HOOKED)
            webhooks.queue_due()
            webhooks.send_some()
            done()
        asks = plan.draw(options.seed)
        with teller.stage("Trading", len(asks)) as done:
            for ask in asks:
                trading.tick(ask)
                done()
        with teller.stage("Evening: withdrawals, marks, close, reports", 1) as done:
            trading.end()
            office.withdraw()
            office.return_the_strangers_money()
            closed = office.close(day)
            done()
        with teller.stage("Settlement over the value dates", plan.MOST_STEPS) as done:
            office.fund_the_venue()
            last = office.settle_until_nothing_is_open(day, done)
            office.close(last)
        with teller.stage("Comparing what was heard with what happened", 1) as done:
            heard = compare(process, {code: clients.get_client(code).id for code in CLIENTS})
            hooked = compare_hooked(process, HOOKED, clients.get_client(HOOKED).id)
            done()
    clock.release_desk()
    with teller.stage("Proving the promises", 1) as done:
        proven = _verify()
        done()
    return figures(options, day, trading.tally, office, closed, heard, hooked, proven, [day, last])


def _verify() -> dict[str, Any]:
    """`manage.py verify`, as its own process and role.

    :raises DemoFailed: a promise does not hold
    """
    told: dict[str, Any] = json.loads(stage.manage("verify", "--json"))
    return told


def _keys(folder: Path) -> list[Path]:
    """A key file for each client's trader, and two for the members of cygnus who ask for and approve withdrawals."""
    wanted = [(client, "", "read,quote,trade" + (",webhook" if client == HOOKED else "")) for client in CLIENTS]
    wanted += [("cygnus", "Treasury", "read,withdraw"), ("cygnus", "Controller", "read,withdraw")]
    out = []
    for client, name, scopes in wanted:
        path = folder / "keys" / f"{client}{f'-{name.lower()}' if name else ''}.json"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        member = ("--member", f"{client} {name}") if name else ()
        call_command("create_api_key", "--client", client, *member, "--scopes", scopes, "--out", str(path), "--force", stdout=io.StringIO())
        out.append(path)
    return out


def write(path: Path, summary: dict[str, Any]) -> None:
    """Whole or not at all."""
    fresh = path.with_suffix(".tmp")
    fresh.write_text(json.dumps(summary, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)
