"""Runs a management command with its engines, and turns what an operator can mend into one line and an exit code.

Exit codes: 0 done, 1 the command says no, 2 wrong use or settings, 3 PostgreSQL or Valkey cannot be used, 130 interrupted.
"""

import sys
from contextlib import nullcontext

import django
import redis
from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility
from django.db import InterfaceError, OperationalError

# Commands that answer without a database, and those that enter `engines()` themselves (after looking at their ports and arguments).
WITHOUT_ENGINES = {
    "check", "collectstatic", "compilemessages", "diffsettings", "findstatic", "help", "makemessages", "spectacular", "startapp", "test",
    "version", "--help", "-h", "--version",
}  # fmt: skip
WITH_THEIR_OWN = {"bench", "demo", "standalone"}
OK, SAYS_NO, WRONG_SETTINGS, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 130


def run(argv: list[str]) -> int:
    """Run one command line and answer its exit code; never a traceback for what is no bug (`--traceback` shows it)."""
    try:
        return _run(argv)
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(argv: list[str]) -> int:
    from flowdesk.services import EnginesUnavailable

    if "--traceback" in argv:
        return _execute(argv)
    try:
        return _execute(argv)
    except ImproperlyConfigured as no:
        return _say("settings", str(no), WRONG_SETTINGS)
    except EnginesUnavailable as no:
        return _say(no.code, str(no), UNAVAILABLE)
    except (OperationalError, InterfaceError) as no:
        return _say("database_unavailable", _first_line(no), UNAVAILABLE)
    except redis.ConnectionError as no:
        return _say("valkey_unavailable", _first_line(no), UNAVAILABLE)


def _execute(argv: list[str]) -> int:
    from flowdesk.services import engines

    django.setup()
    command = argv[1] if len(argv) > 1 else "help"
    alone = command in WITHOUT_ENGINES | WITH_THEIR_OWN or "--help" in argv or "-h" in argv
    with nullcontext() if alone else engines():
        try:
            ManagementUtility(argv).execute()
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return OK


def _say(code: str, message: str, exit_code: int) -> int:
    print(f"error [{code}]: {message}", file=sys.stderr)  # noqa: T201
    return exit_code


def _first_line(no: BaseException) -> str:
    return next((line.strip() for line in str(no).splitlines() if line.strip()), type(no).__name__)
