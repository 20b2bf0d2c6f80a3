"""What the day brought: tables for people, and the same figures for machines."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.table import Table

from apps.core import money
from apps.ledger import queries as ledger
from apps.pricing import queries as pricing
from apps.rfqs import queries as rfqs

from .backoffice import BackOffice
from .teller import Teller
from .trading import Tally


@dataclass(frozen=True)
class Options:
    """What the demo was asked for."""

    prices: Path | None
    seed: int
    folder: Path


def figures(
    options: Options,
    day: date,
    tally: Tally,
    office: BackOffice,
    closed: str,
    heard: dict[str, int],
    hooked: int,
    proven: dict[str, Any],
    days: list[date],
) -> dict[str, Any]:
    """Everything countable of the day, as it goes into summary.json."""
    marks = pricing.find_approved_marks(office.entity.id, days[-1]) or {}
    identity: list[dict[str, Any]] = [
        {
            "asset": one.asset,
            "have": money.text(one.have),
            "position": money.text(one.position),
            "mark": money.text(marks[one.asset]) if one.asset in marks else "",
            "pnl": money.text(money.round_even(one.position * marks[one.asset], 2)) if one.asset in marks else "",
            "holds": one.holds,
        }
        for one in ledger.list_identity(office.entity.id)
    ]
    lines = proven["lines"]
    return {
        "day": day.isoformat(),
        "seed": options.seed,
        "prices": "simulated" if options.prices is None else options.prices.name,
        "rfqs": dict(tally.rfqs),
        "refused": dict(tally.refused),
        "by_hand": dict(tally.by_hand),
        "quotes": dict(Counter(str(s) for s in rfqs.list_quote_statuses())),
        "deals": tally.deals,
        "deals_by_client": dict(Counter(deal["client_order_id"].partition("-")[0] for deal in tally.deals)),
        "twins_refused": tally.twins_refused,
        "retries": tally.retries,
        "hedges": tally.hedges,
        "settlement": office.figures(),
        "events": heard,
        "webhooks": hooked,
        "close": closed,
        "identity": identity,
        "pnl_usd": money.text(sum((Decimal(row["pnl"]) for row in identity if row["pnl"]), money.ZERO)),
        "verify": {"lines": len(lines), "passed": sum(line["ok"] for line in lines)},
        "reports": office.files(days),
    }


def show(teller: Teller, told: dict[str, Any], path: Path) -> None:
    """Print the summary tables and where the files are."""
    console = teller.console
    table = Table(title=f"Desk day {told['day']} · seed {told['seed']} · {told['prices']}", title_justify="left", show_header=False)
    rows = {
        "Requests": _counts(told["rfqs"]),
        "Refused": _counts(told["refused"]),
        "By hand": _counts(told["by_hand"]),
        "Quotes": _counts(told["quotes"]),
        "Deals": _counts(told["deals_by_client"]),
        "Accepts": f"{told['twins_refused']} simultaneous twins refused, {told['retries']} retries answered the same",
        "Hedges": f"{told['hedges']} fills imported, each file twice",
        "Settlement": _counts(told["settlement"]),
        "Events": ", ".join(f"{client} {count}" for client, count in told["events"].items())
        + f" heard over WebSocket, {told['webhooks']} by webhook, all equal",
        "Day close": told["close"],
    }
    for name, what in rows.items():
        table.add_row(name, what)
    console.print(table)
    identity = Table(title="Position identity: what we have and owe = what we are long or short", title_justify="left")
    for column in ("asset", "have and owe", "position", "mark USD", "value USD", "holds"):
        identity.add_column(column, justify="left" if column in {"asset", "holds"} else "right")
    for row in told["identity"]:
        identity.add_row(row["asset"], row["have"], row["position"], row["mark"], row["pnl"], "yes" if row["holds"] else "NO")
    console.print(identity)
    teller.say(f"Profit since inception at these marks, the sum of the values: {told['pnl_usd']} USD")
    proofs = told["verify"]
    teller.say(f"verify: {proofs['passed']} of {proofs['lines']} promises proven")
    teller.say("Reports:")
    for name in told["reports"]:
        teller.say(f"  {name}")
    teller.say(f"Summary: {path}")


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counted.items(), key=lambda item: -item[1])) or "none"
