"""`manage.py verify_chain`: compute the audit chain anew and name the place where it is broken."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from apps.core import db, signing_keys
from apps.core.jws import BadKeyFile
from apps.core.signing_keys import CHAIN_HEAD
from apps.events.rules import made_anew
from apps.jobs.events import seal
from apps.reports.queries import chain


class Command(BaseCommand):
    help = (
        "Compute the hash chain over events and ledger entries anew from the rows as they are, and compare. A changed, removed, inserted "
        "or swapped row is named. Exit codes: 0 the chain holds, 1 it is broken (the place is told), 2 wrong use or another version."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seal", action="store_true", help="first seal what waits (the worker does it every 5 s)")
        parser.add_argument("--anchor", type=Path, metavar="FILE", help="write the head, signed, to be kept where this database is not")
        parser.add_argument(
            "--against",
            type=Path,
            metavar="FILE",
            help="compare with a head that was kept: the chain must still lead through it (default: every file of ANCHORS_DIR)",
        )

    def handle(self, *_args: Any, anchor: Path | None, against: Path | None, **options: Any) -> None:
        kept = _kept(against)
        try:
            if options["seal"]:
                while seal():
                    pass
            with db.snapshot():
                found = chain.verify()
                now = {path: chain.find_head(one["number"]) for path, one in kept.items()}
        except ProgrammingError as no:
            raise CommandError(f"the database is not of this version (migrate?): {str(no).splitlines()[0]}", returncode=2) from no
        if found.broken:
            raise CommandError(f"broken at {found.broken}", returncode=1)
        for path, one in kept.items():
            if wrong := made_anew(one["number"], one["head"], kept_by=str(path), now=now[path]):
                raise CommandError(f"broken: {wrong}", returncode=1)
        self.stdout.write(f"{found.blocks} blocks, {found.rows} rows, {found.waiting} rows not sealed yet: the chain holds")
        self.stdout.write(f"kept heads compared: {len(kept)}")
        self.stdout.write(f"head {found.blocks} {found.head.hex()}")
        if anchor is not None:
            document = {"number": found.blocks, "head": found.head.hex(), "rows": found.rows}
            document["sealed_at"] = found.sealed_at.isoformat() if found.sealed_at is not None else None
            try:
                anchor.write_text(signing_keys.sign(json.dumps(document, sort_keys=True).encode(), CHAIN_HEAD) + "\n", encoding="utf-8")
            except (OSError, BadKeyFile) as no:
                raise CommandError(f"--anchor {anchor}: {no}", returncode=2) from no


def _kept(against: Path | None) -> dict[Path, dict[str, Any]]:
    """What this file keeps; by default what each daily file of ours does."""
    paths = [against] if against is not None else sorted(settings.ANCHORS_DIR.glob("*.jws"))
    return {path: _read(path) for path in paths}


def _read(path: Path) -> dict[str, Any]:
    """The head that a file keeps.

    :raises CommandError: it cannot be read, or we have not signed it
    """
    try:
        kept = json.loads(signing_keys.verify(path.read_text(encoding="utf-8"), CHAIN_HEAD))
        return {"number": int(kept["number"]), "head": str(kept["head"])}
    except (OSError, ValueError, KeyError, TypeError) as no:
        raise CommandError(f"kept head {path}: {no}", returncode=2) from no
