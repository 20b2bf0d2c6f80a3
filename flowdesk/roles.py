"""The processes of the platform and how each is run: `python -m flowdesk.roles web`. One place for the supervisor and the container."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB_CONNECTIONS = 512  # of a web process, each with a thread while its request comes and is answered
NAMES = ("web", "live", "worker", "beat", "feed", "sandbox", "migrate")


def command(role: str) -> list[str]:
    """The command line of one role, from the settings.

    :raises KeyError: there is no such role
    """
    from django.conf import settings

    python = sys.executable
    celery = [python, "-m", "celery", "--quiet", "--skip-checks", "--app", "flowdesk", "--workdir", str(ROOT)]
    # granian counts connections, idle ones too; how many requests are answered at once is the seats' (flowdesk.seats).
    at_once = str(WEB_CONNECTIONS)
    web = [python, "-m", "granian", "--interface", "wsgi", "--host", settings.BIND_HOST, "--port", str(settings.WEB_PORT)]
    web += ["--workers", str(settings.WEB_WORKERS), "--blocking-threads", at_once, "--backpressure", at_once]
    web += ["--respawn-failed-workers", "--respawn-interval", "0.2"]  # by default the end of one worker ends the server
    web += ["--workers-kill-timeout", "25", "--http1-header-read-timeout", "5000", "--http", "1", "--no-ws", "--log-level", "error"]
    return {
        "web": [*web, "flowdesk.wsgi:application"],
        "live": [python, str(ROOT / "manage.py"), "run_live", "--host", settings.BIND_HOST],
        "worker": [*celery, "worker", "--concurrency", str(settings.WORKER_PROCESSES), "--loglevel", "WARNING",
                   "--without-gossip", "--without-mingle", "--without-heartbeat"],
        "beat": [*celery, "beat", "--loglevel", "WARNING", "--pidfile", ""],
        "feed": [python, str(ROOT / "manage.py"), "run_feed"],
        "sandbox": [python, str(ROOT / "manage.py"), "run_sandbox"],
        "migrate": [python, str(ROOT / "manage.py"), "migrate", "--no-input"],
    }[role]  # fmt: skip


def environment(role: str) -> dict[str, str]:
    """What a role's process needs beside the environment it is given."""
    return {
        "DJANGO_SETTINGS_MODULE": "flowdesk.settings",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "FLOWDESK_PROCESS": "command" if role == "migrate" else role,
        **({"FLOWDESK_DB_ROLE": "owner"} if role == "migrate" else {}),
    }


def main() -> int:
    """Become that role: the process is replaced, so that signals reach it and not a shell."""
    if len(sys.argv) != 2 or sys.argv[1] not in NAMES:
        print(f"usage: python -m flowdesk.roles {'|'.join(NAMES)}", file=sys.stderr)  # noqa: T201
        return 2
    role = sys.argv[1]
    os.environ |= environment(role)
    sys.path.insert(0, str(ROOT))
    from django.core.exceptions import ImproperlyConfigured

    try:
        words = command(role)
    except ImproperlyConfigured as no:
        print(f"error [settings]: {no}", file=sys.stderr)  # noqa: T201
    else:
        os.execv(words[0], words)  # noqa: S606
    return 2


if __name__ == "__main__":
    sys.exit(main())
