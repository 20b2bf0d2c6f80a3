#!/usr/bin/env python
"""Flowdesk's command line. `python manage.py help` lists what there is."""

import os
import sys

# Commands that change the schema log in as its owner; all others as the restricted roles (core/db.py).
OWNER_COMMANDS = {"migrate", "makemigrations", "sqlmigrate", "showmigrations", "squashmigrations"}
# Commands that only read, and may read for long.
READ_COMMANDS = {"verify", "export_journal"}


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowdesk.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command in OWNER_COMMANDS:
        os.environ.setdefault("FLOWDESK_DB_ROLE", "owner")
    elif command in READ_COMMANDS:
        os.environ.setdefault("FLOWDESK_DB_ROLE", "read")
    from flowdesk.commandline import run

    return run(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
