"""`manage.py verify`: prove the promises on a live database, a line each."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError

from apps.core import clock, db
from apps.reports.queries import proofs
from apps.reports.queries.proofs import Finding
from apps.rfqs.queries import stamp


class Command(BaseCommand):
    help = (
        "Prove the promises of the platform on the live database, in one read-only snapshot, a line each. "
        "Exit codes: 0 every line holds, 1 at least one does not, 2 wrong use or a database of another version, 3 no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only this line; may be given several times")
        parser.add_argument("--list", action="store_true", help="tell the names of the lines, prove nothing")

    def handle(self, *_args: Any, only: list[str], json: bool, **options: Any) -> None:
        if options["list"]:
            for line in proofs.LINES:
                self.stdout.write(f"{line.name:28}{line.title}")
            return
        known = {line.name for line in proofs.LINES}
        if unknown := [name for name in only if name not in known]:
            raise CommandError(f"--only {unknown[0]}: no such line; one of {', '.join(sorted(known))}", returncode=2)
        began, findings = time.monotonic(), []
        try:
            with db.snapshot():
                at = clock.desk_now()
                for finding in proofs.run(only):
                    findings.append(finding)
                    if not json:
                        self._tell(finding)
        except ProgrammingError as no:
            raise CommandError(f"the database is not of this version (migrate?): {str(no).splitlines()[0]}", returncode=2) from no
        broken = [finding for finding in findings if not finding.ok]
        if json:
            self.stdout.write(_json(findings, stamp(at)))
        else:
            took = time.monotonic() - began
            said = "all hold" if not broken else f"{len(broken)} broken: {', '.join(finding.name for finding in broken)}"
            self.stdout.write(f"{len(findings)} lines, {said} ({took:.1f} s)")
        if broken:
            raise SystemExit(1)

    def _tell(self, finding: Finding) -> None:
        if self.stdout.isatty():
            mark = self.style.SUCCESS("✓") if finding.ok else self.style.ERROR("✗")
        else:
            mark = "✓" if finding.ok else "✗"
        self.stdout.write(f"{mark} {finding.name:28}{finding.title}")
        for detail in finding.details:
            self.stdout.write(f"    {detail}")
        if finding.count > len(finding.details):
            self.stdout.write(f"    … and {finding.count - len(finding.details)} more")


def _json(findings: list[Finding], at: str) -> str:
    lines = [{"name": f.name, "title": f.title, "ok": f.ok, "count": f.count, "details": f.details} for f in findings]
    return json.dumps({"ok": all(f.ok for f in findings), "at": at, "lines": lines}, ensure_ascii=False, indent=2)
