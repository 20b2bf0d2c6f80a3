"""Promise 11: history cannot be rewritten unnoticed. The superuser does it with triggers off; `verify_chain` names the place."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection

from apps.core import clock, db
from apps.events.models import Event, Seal
from apps.events.queries import find_sealed
from apps.jobs.events import anchor, seal
from apps.jobs.reports import run_date
from apps.ledger.models import LedgerTransaction
from apps.reports.queries import chain, proofs
from apps.workflows.anchor_chain import anchor_chain
from apps.workflows.seal_history import seal_history
from tests.commits import wait_for_readers
from tests.reports import desk
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
EVENT = "(SELECT id FROM events_event WHERE kind = 'trade.booked' ORDER BY position LIMIT 1)"
POSTING = "(SELECT id FROM ledger_ledgertransaction WHERE kind = 'DEAL' ORDER BY id LIMIT 1)"
COPY = """INSERT INTO events_event (id, era, xid, kind, subject_type, subject_id, house, actor_kind, actor_name, request_id, effective_at)
SELECT gen_random_uuid(), {era}, {xid}, kind, subject_type, subject_id, '{{}}', actor_kind, actor_name, request_id, effective_at
FROM events_event ORDER BY position LIMIT 1"""


@pytest.fixture
def superuser(superuser_session: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    superuser_session.execute("SET session_replication_role = replica")
    yield superuser_session
    superuser_session.execute("RESET session_replication_role")


def broken() -> str:
    with db.snapshot():
        return chain.verify().broken


def seal_everything() -> int:
    """How many blocks; after another database's transactions of this cluster, which hold a sealer back too."""
    wait_for_readers()
    return seal()


def history() -> int:
    return Event.objects.count() + LedgerTransaction.objects.count()


def test_everything_is_sealed_once_in_commit_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert seal() == 0
    desk.busy()
    assert seal_everything() > 0
    assert seal() == 0
    with db.snapshot():
        found = chain.verify()
    assert (found.broken, found.rows, found.waiting) == ("", history(), 0)
    call_command("verify_chain")
    told = capsys.readouterr().out
    assert f"{found.rows} rows, 0 rows not sealed yet: the chain holds" in told
    assert told.rstrip().endswith(found.head.hex())


# What was done, and the words that name the place.
DAMAGE = {
    "a changed fact": (f"UPDATE events_event SET house = '{{\"x\": 1}}' WHERE id = {EVENT}", "(trade.booked) was changed"),
    "a changed time": (f"UPDATE events_event SET recorded_at = recorded_at + interval '1 microsecond' WHERE id = {EVENT}", "was changed"),
    "a changed number": (f"UPDATE events_event SET client_seq = client_seq + 1000 WHERE id = {EVENT}", "was changed"),
    "a removed fact": (f"DELETE FROM events_event WHERE id = {EVENT}", "was removed"),
    "an inserted fact": (COPY.format(era="era", xid="xid"), "was added"),
    "a fact of an era that never was": (COPY.format(era="0", xid="xid"), "1 rows stand outside every block"),
    "a fact hidden before the first": (COPY.format(era="era", xid="0"), "1 rows stand outside every block"),
    "a fact moved past the end": (f"UPDATE events_event SET xid = xid + 1000000 WHERE id = {EVENT}", "was removed"),
    "two facts swapped": (
        "WITH two AS (SELECT id, position, row_number() OVER (ORDER BY position) AS n FROM events_event LIMIT 2) "
        "UPDATE events_event e SET position = other.position FROM two JOIN two other ON other.n = 3 - two.n WHERE e.id = two.id",
        "was changed",
    ),
    "a changed posting": (f"UPDATE ledger_ledgertransaction SET narrative = 'x' WHERE id = {POSTING}", "ledger transaction"),
    "a changed date": (f"UPDATE ledger_ledgertransaction SET business_date = business_date - 1 WHERE id = {POSTING}", "was changed"),
    "amounts that still sum to zero": (
        f"UPDATE ledger_ledgerline SET amount = amount * 2 WHERE transaction_id = {POSTING}",
        "was changed",
    ),
    "two lines swapped": (
        f"WITH two AS (SELECT id, account_id, row_number() OVER (ORDER BY id) AS n FROM ledger_ledgerline WHERE transaction_id = {POSTING} "
        "LIMIT 2) UPDATE ledger_ledgerline l SET version = -l.version FROM two WHERE l.id = two.id",
        "was changed",
    ),
    "a line more": (
        "INSERT INTO ledger_ledgerline (transaction_id, account_id, asset_code, amount, balance, version) "
        f"SELECT transaction_id, account_id, asset_code, 1, 1, version + 100000 FROM ledger_ledgerline WHERE transaction_id = {POSTING} "
        "LIMIT 1",
        "was changed",
    ),
    "a line less": (
        f"DELETE FROM ledger_ledgerline WHERE id = (SELECT min(id) FROM ledger_ledgerline WHERE transaction_id = {POSTING})",
        "was changed",
    ),
    "a line of no transaction": (
        "INSERT INTO ledger_ledgerline (transaction_id, account_id, asset_code, amount, balance, version) "
        "SELECT gen_random_uuid(), account_id, asset_code, 1, 1, 100000 FROM ledger_ledgerline LIMIT 1",
        "1 ledger lines without a transaction",
    ),
    "a removed posting": (f"DELETE FROM ledger_ledgertransaction WHERE id = {POSTING}", "was removed"),
    "an account that stands for another": (
        f"UPDATE ledger_ledgeraccount SET owner_id = gen_random_uuid() WHERE id = (SELECT account_id FROM ledger_ledgerline "
        f"WHERE transaction_id = {POSTING} LIMIT 1)",
        "was changed",
    ),
    "a block of another time": ("UPDATE events_seal SET sealed_at = sealed_at - interval '1 day' WHERE number = 2", "block 2: the block"),
    "a removed block": ("DELETE FROM events_seal WHERE number = 1", "block 2: block 1 is missing"),
    "a block that says something else": ("UPDATE events_seal SET digests = digests || '\\x00' WHERE number = 1", "block 1"),
    "a block about fewer rows": (
        "UPDATE events_seal SET ids = ids[2:], digests = substr(digests, 33) WHERE number = 1",
        "block 1: the block itself was changed",
    ),
    "a block with another bound": ("UPDATE events_seal SET xid = xid + 1 WHERE number = 1", "block 1: the block itself was changed"),
}


TABLES = ("events_event", "events_seal", "ledger_ledgertransaction", "ledger_ledgerline", "ledger_ledgeraccount")


def test_damage_is_found_and_its_place_told(superuser: psycopg.Connection[Any]) -> None:
    firms = desk.busy()
    seal_everything()
    desk.deal(firms.acme, "later")
    seal_everything()
    assert broken() == ""
    assert Seal.objects.count() >= 2
    for table in TABLES:
        superuser.execute(f"CREATE TEMP TABLE kept_{table} AS TABLE {table}")
    try:
        for name, (sql, told) in DAMAGE.items():
            assert superuser.execute(sql).rowcount, f"{name}: the damage did nothing"
            with pytest.raises(CommandError, match=r"broken at ") as no:
                call_command("verify_chain")
            assert no.value.returncode == 1, name
            assert told in str(no.value), name
            for table in TABLES:
                superuser.execute(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}")
            assert broken() == "", name
    finally:
        superuser.execute("; ".join(f"DROP TABLE kept_{table}" for table in TABLES))


def test_a_chain_made_anew_is_found_by_the_head_that_was_kept_outside(
    superuser: psycopg.Connection[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.busy()
    seal_everything()
    kept = tmp_path / "head"
    call_command("verify_chain", anchor=kept)
    call_command("verify_chain", against=kept)
    assert "kept heads compared: 1" in capsys.readouterr().out
    superuser.execute(f"UPDATE events_event SET house = '{{}}' WHERE id = {EVENT}")
    superuser.execute("DELETE FROM events_seal")
    seal_everything()
    assert broken() == ""
    with pytest.raises(CommandError, match="has another head: the chain was made anew") as no:
        call_command("verify_chain", against=kept)
    assert no.value.returncode == 1
    kept.write_text(kept.read_text().replace(".", ".e30", 1))
    with pytest.raises(CommandError, match=r"kept head .*: ") as no:
        call_command("verify_chain", against=kept)
    assert no.value.returncode == 2


def test_each_day_has_one_signed_head_in_a_file_that_is_never_written_again(
    superuser: psycopg.Connection[Any], settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ANCHORS_DIR = tmp_path / "anchors"
    assert anchor() == 0, "nothing was sealed yet"
    firms = desk.busy()
    seal_everything()
    today = datetime.now(UTC)
    monkeypatch.setattr(clock, "wall_now", lambda: today)  # also at midnight
    assert together(4, lambda _: anchor_chain()).count(True) == 1, "once a day, however many schedulers"
    assert (anchor(), anchor()) == (1, 0)
    kept = settings.ANCHORS_DIR / f"{today.date().isoformat()}.jws"
    assert kept.stat().st_mode & 0o777 == 0o440
    call_command("verify_chain", against=kept)
    desk.deal(firms.acme, "later")
    seal_everything()
    assert anchor() == 0, "today has its head"
    monkeypatch.setattr(clock, "wall_now", lambda: today + timedelta(days=1))
    assert anchor() == 1
    kept.chmod(0o640)
    kept.write_text("somebody's own")
    assert anchor() == 0
    assert kept.read_text() == "somebody's own", "left as it is, and told in the log"
    assert prove("anchors") == []
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("UPDATE events_anchor SET number = 1")
    # Somebody makes the whole chain anew: the rows agree with it, the signed heads do not.
    superuser.execute(f"UPDATE events_event SET house = '{{}}' WHERE id = {EVENT}")
    superuser.execute("DELETE FROM events_seal")
    seal_everything()
    assert broken() == ""
    assert "the chain was made anew" in prove("anchors")[0]
    # ... and puts the new heads where the old ones were: nobody has signed those.
    superuser.execute("UPDATE events_anchor a SET head = s.head FROM events_seal s WHERE s.number = a.number")
    superuser.execute("UPDATE events_anchor SET number = 1, head = (SELECT head FROM events_seal WHERE number = 1)")
    assert "its signature is over another head" in prove("anchors")[0]
    # ... or takes the rows away: the files are not the database's.
    superuser.execute("DELETE FROM events_anchor")
    assert prove("anchors") == []
    kept.unlink()  # that was somebody's own; the next day's is as it was written
    with pytest.raises(CommandError, match=r"which .*jws keeps, .*: the chain was made anew"):
        call_command("verify_chain")


def test_a_statement_says_in_its_footer_where_the_chain_stood(settings: Any, tmp_path: Path) -> None:
    settings.REPORTS_DIR = tmp_path
    desk.busy()
    seal_everything()
    number, head = find_sealed()
    clock.freeze_desk(desk.EVENING)
    run_date(desk.TODAY)
    table = (tmp_path / "2026-09-15/statement_acme-main_v1.csv").read_text().splitlines()[-1]
    assert table.startswith("AUDIT_CHAIN,acme-main,")
    assert f",{number},{head}," in table
    said = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "2026-09-15/statement_acme-main_v1.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    assert f"Audit chain: block {number}, head {head}" in said
    with pytest.raises(IntegrityError, match="what was issued never changes"), connection.cursor() as cursor:
        cursor.execute("UPDATE reports_reportrun SET chain_number = chain_number - 1 WHERE report = 'statement'")


def prove(name: str) -> list[str]:
    with db.snapshot():
        [finding] = proofs.run([name])
    return finding.details


def test_what_a_running_transaction_may_still_precede_is_not_sealed(superuser_session: psycopg.Connection[Any]) -> None:
    firms = desk.busy()
    seal_everything()
    superuser_session.execute("BEGIN")
    superuser_session.execute("SELECT pg_current_xact_id()")
    try:
        before = history()
        desk.deal(firms.acme, "later")
        assert history() > before
        assert seal() == 0
    finally:
        superuser_session.execute("ROLLBACK")
    assert seal_everything() > 0
    with db.snapshot():
        assert (chain.verify().broken, chain.verify().waiting) == ("", 0)


def test_eight_sealers_at_once_make_one_chain() -> None:
    desk.busy()
    assert together(8, lambda _: seal() >= 0) == [True] * 8
    assert broken() == ""
    assert seal_history() is None


@pytest.mark.parametrize("table", ["events_event", "events_seal", "ledger_ledgertransaction", "ledger_ledgerline"])
@pytest.mark.parametrize("sql", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_the_apps_role_has_no_right_to_rewrite_history(table: str, sql: str, superuser_session: psycopg.Connection[Any]) -> None:
    for right in ("UPDATE", "DELETE", "TRUNCATE"):
        row = superuser_session.execute("SELECT has_table_privilege('flowdesk_app', %s, %s)", [table, right])
        assert row.fetchone() == (False,)
    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(sql.format(table, "xid" if table == "events_seal" else "id"))
