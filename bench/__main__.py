"""`python -m bench NAME... [--seconds N] [--out FILE]`: runs inside the throw-away engines that `manage.py bench` names; rows as JSON."""

import argparse
import importlib
import sys
from pathlib import Path

NAMES = ("accept", "quote", "ledger", "netting", "fanout", "events", "growth")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    import django

    django.setup()
    from bench.rows import as_json
    from flowdesk.services import EnginesUnavailable, engines

    try:
        with engines():
            rows = importlib.import_module(f"bench.{given.name}").run(given.seconds)
            from bench.desk import let_go

            let_go()
    except EnginesUnavailable as no:
        sys.exit(f"error [{no.code}]: {no}")
    given.out.write_text(as_json(rows))


if __name__ == "__main__":
    main()
