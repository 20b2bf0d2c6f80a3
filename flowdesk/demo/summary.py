"""What the day brought, as a table."""

from pathlib import Path
from typing import Any

from .day import Teller


def show(teller: Teller, told: dict[str, Any], path: Path) -> None:
    teller.say(str(told))
    teller.say(f"summary: {path}")
