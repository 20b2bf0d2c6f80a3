"""What the day brought: tables for people, and the same figures for machines."""

from pathlib import Path
from typing import Any

from rich.table import Table

from .day import Teller


def show(teller: Teller, told: dict[str, Any], path: Path) -> None:
    """Print the summary tables and where the files are."""
    console = teller.console
    table = Table(title=f"Desk day {told['day']} · seed {told['seed']} · {told['prices']}", title_justify="left", show_header=False)
    rows = {
        "Requests": _counts(told["rfqs"]),
        "Refused": _counts(told["refused"]),
        "Quotes": _counts(told["quotes"]),
        "Deals": _counts(told["deals_by_client"]),
        "Accepts": f"{told['twins_refused']} simultaneous twins refused, {told['retries']} retries answered the same",
        "Hedges": f"{told['hedges']} fills imported, each file twice",
        "Settlement": _counts(told["settlement"]),
        "Events": ", ".join(f"{client} {count}" for client, count in told["events"].items()) + " heard over WebSocket, all equal",
        "Day close": told["close"],
    }
    for name, what in rows.items():
        table.add_row(name, what)
    console.print(table)
    identity = Table(title="Position identity: what we have and owe = what we are long or short", title_justify="left")
    for column in ("asset", "have and owe", "position", "mark USD", "P&L USD", "holds"):
        identity.add_column(column, justify="left" if column in {"asset", "holds"} else "right")
    for row in told["identity"]:
        identity.add_row(row["asset"], row["have"], row["position"], row["mark"], row["pnl"], "yes" if row["holds"] else "NO")
    console.print(identity)
    proofs = told["verify"]
    teller.say(f"verify: {proofs['passed']} of {proofs['lines']} promises proven")
    teller.say("Reports:")
    for name in told["reports"]:
        teller.say(f"  {name}")
    teller.say(f"Summary: {path}")


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counted.items(), key=lambda item: -item[1])) or "none"
