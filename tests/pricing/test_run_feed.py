"""`manage.py run_feed`: one leads, others stand by and take over; bad input is one clear line."""

import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.pricing.feeds import bus
from flowdesk.management.commands import run_feed

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_client():
    bus._client.cache_clear()
    yield
    bus._client.cache_clear()


def test_once_publishes_every_pair_at_the_desk_clock_and_ends():
    out = StringIO()
    call_command("run_feed", once=True, seed=3, stdout=out)
    with connection.cursor() as cursor:
        cursor.execute("SELECT desk_now()")
        (now,) = cursor.fetchone()
    for pair in ("BTC-USD", "ETH-USD", "EUR-USD", "BTC-EUR"):
        depth = bus.read_depth(pair)
        assert depth.is_dealable
        assert 0 <= (now - depth.as_of).total_seconds() < 60
        assert f"{pair} mid " in out.getvalue()


def test_a_recording_of_another_time_is_played_as_if_it_were_now(recorded):
    call_command("run_feed", once=True, prices=recorded("btc-perp-20211231-20220201_1m.csv.gz"), stdout=StringIO())
    depth = bus.read_depth("BTC-USD")
    assert [source.venue for source in depth.sources] == ["recorded"]
    assert f"{depth.mid:f}".startswith("46319")


def test_once_says_so_when_another_feed_leads():
    with run_feed._session() as leader:
        assert run_feed._try_lead(leader)
        with pytest.raises(CommandError, match="another feed leads"):
            call_command("run_feed", once=True, stdout=StringIO())
    assert bus.read_depth("BTC-USD") is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prices": Path("nowhere.csv")}, r"bad_recording.*nowhere\.csv.*no such file"),
        ({"speed": 0}, "--speed 0"),
        ({"speed": 100_000}, "--speed 100000"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, told):
    with pytest.raises(CommandError, match=told):
        call_command("run_feed", once=True, stdout=StringIO(), **options)


def test_when_the_leader_is_killed_a_standby_takes_over_within_seconds(tmp_path):
    def started(name):
        log = (tmp_path / name).open("w")
        return subprocess.Popen(
            [sys.executable, "manage.py", "run_feed"], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=os.environ.copy()
        )

    def said(name, words, within_s):
        end = time.monotonic() + within_s
        while words not in (tmp_path / name).read_text():
            assert time.monotonic() < end, (tmp_path / name).read_text()
            time.sleep(0.05)

    feeds = [started("first")]
    try:
        said("first", "feed: leading", 60)
        feeds.append(started("second"))
        said("second", "standing by", 60)
        feeds[0].send_signal(signal.SIGKILL)
        said("second", "feed: leading", 60)
        said("second", "BTC-EUR mid", 60)
        feeds[1].send_signal(signal.SIGTERM)
        assert feeds[1].wait(60) == 0
        assert "feed: stopped" in (tmp_path / "second").read_text()
    finally:
        for feed in feeds:
            if feed.poll() is None:
                feed.kill()
            feed.wait()
