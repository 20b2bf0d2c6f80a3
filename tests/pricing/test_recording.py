"""Recorded files: the real ones read to the last digit, and every kind of damage refused with its line."""

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.pricing.errors import BadRecording
from apps.pricing.feeds import factory, recording
from apps.pricing.feeds.replay import Replay
from apps.pricing.rules import check_book, merge

D = Decimal
BARS = "timestamp,open,high,low,close,volume"
SOUND = "2022-01-03 12:00:00,100,110,90,105,7"
SNAPSHOT = "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount"
BOOK = "binance,BTCUSDT,1598918403696000,1598918403810979,101,1,99,2"


def written(tmp_path, *lines, name="prices.csv"):
    path = tmp_path / name
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- the real files ----------------------------------------------------------------------------------------------------


def test_the_recorded_month_is_read_to_the_last_digit(recorded):
    month = recording.read(recorded("btc-perp-20211231-20220201_1m.csv.gz"))
    assert len(month.bars) == 45_031
    assert month.pair == "BTC-USD"
    assert month.bars[0] == recording.Bar(at("2021-12-31T23:01:00"), D("46319.0"), D("46385.0"), D("46319.0"), D("46377.0"))
    assert month.last_at == at("2022-02-01T05:32:00")
    assert min(bar.low for bar in month.bars) == D("32837.0")


def test_the_recorded_snapshots_are_25_levels_deep_and_sound(recorded):
    books = recording.read(recorded("binance-futures_book_snapshot_25_BTCUSDT.csv")).books
    assert len(books) == 10
    assert all(len(book.bids) == len(book.asks) == 25 and not check_book(book) for book in books)
    assert (books[0].asks[0].price, books[0].asks[0].quantity, books[0].bids[0].price) == (D("11657.08"), D("1.714"), D("11657.07"))
    assert books[0].at == at("2020-09-01T00:00:03.696000")


def test_a_desk_day_starts_on_the_files_first_business_date(recorded):
    assert factory.first_business_date(recorded("btc-perp-20211231-20220201_1m.csv.gz")) == date(2022, 1, 1)
    assert factory.first_business_date(recorded("binance-futures_book_snapshot_25_BTCUSDT.csv")) == date(2020, 9, 1)


def test_a_recorded_day_has_a_price_in_every_minute(recorded):
    feed = factory.make_feed(recorded("btc-perp-20211231-20220201_1m.csv.gz"), seed=1, day=date(2022, 1, 3))
    month = recording.read(recorded("btc-perp-20211231-20220201_1m.csv.gz"))
    for bar in month.bars[3000:3200]:
        (book,) = [book for book in feed.books(bar.at) if book.pair == "BTC-USD"]
        assert book.mid == bar.open
        assert not check_book(book)


def test_recorded_bars_of_another_pair_are_refused(recorded):
    with pytest.raises(BadRecording, match=r"gbpusd-m1-bid-2012.csv.gz, line 1"):
        recording.read(recorded("gbpusd-m1-bid-2012.csv.gz"))


def test_recorded_snapshots_are_shown_as_they_are_and_then_continued_from_their_last_mid(recorded):
    snapshots = recording.read(recorded("binance-futures_book_snapshot_25_BTCUSDT.csv"))
    replay = Replay(snapshots, seed=3)
    assert replay.books(at("2020-09-01T00:00:03.695")) == []
    assert replay.books(at("2020-09-01T00:00:03.900")) == [snapshots.books[2]]
    after = at("2020-09-01T00:00:05")
    merged = merge("BTC-USD", replay.books(after), after)
    assert abs(merged.mid / snapshots.books[-1].mid - 1) < D("0.002")
    assert {source.venue for source in merged.sources} == {"alder", "birch", "cedar"}


# --- playing -----------------------------------------------------------------------------------------------------------


def test_a_bar_walks_from_open_over_both_extremes_to_close(tmp_path):
    bar = recording.read(written(tmp_path, BARS, SOUND)).bars[0]
    seen = [recording.mid_within(bar, at(f"2022-01-03T12:00:{second}")) for second in ("00", "10", "20", "40", "50")]
    assert seen == [D(100), D(95), D(90), D(110), D("107.5")]
    falling = recording.read(written(tmp_path, BARS, "2022-01-03 12:00:00,105,110,90,100,7")).bars[0]
    assert recording.mid_within(falling, at("2022-01-03T12:00:20")) == D(110)


def test_a_hole_in_a_recording_leaves_the_last_book_to_grow_stale(tmp_path):
    replay = Replay(recording.read(written(tmp_path, BARS, SOUND, "2022-01-03 12:05:00,105,110,90,105,7")), seed=1)
    (book,) = replay.books(at("2022-01-03T12:03:00"))
    assert book.at == at("2022-01-03T12:01:00")
    assert merge("BTC-USD", [book], at("2022-01-03T12:03:00")).sources[0].reasons == ("stale",)


def test_both_layouts_are_read_gzipped_too_and_with_a_named_zone(tmp_path):
    zoned = recording.read(written(tmp_path, BARS, "2022-01-03T13:00:00+01:00,100,110,90,105,7", name="prices.csv.gz"))
    assert zoned.bars[0].at == at("2022-01-03T12:00:00")
    assert recording.read(written(tmp_path, SNAPSHOT, BOOK, name="books.csv.gz")).books[0].mid == D(100)
    assert recording.read(written(tmp_path, BARS.removesuffix(",volume"), SOUND.removesuffix(",7"))).bars[0].close == D(105)


# --- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("2022-01-03 12:01:00,abc,110,90,105,7", "open is 'abc'"),
        ("2022-01-03 12:01:00,-100,110,90,105,7", "open is '-100'"),
        ("2022-01-03 12:01:00,0,110,90,105,7", "open is zero"),
        ("2022-01-03 12:01:00,NaN,110,90,105,7", "open is 'NaN'"),
        ("2022-01-03 12:01:00,1e400,110,90,105,7", "open is '1e400'"),
        ("2022-01-03 12:01:00,١٠٠,110,90,105,7", "not a plain number"),
        ("2022-01-03 12:01:00,\udcff100,110,90,105,7", "not a plain number"),
        ("2022-01-03 12:01:00,,110,90,105,7", "open is ''"),
        ("2022-01-03 12:01:00,100,90,110,105,7", "high 90 is below low 110"),
        ("2022-01-03 12:01:00,120,110,90,105,7", "outside low 90 to high 110"),
        ("2022-01-03 12:01:00,100,110,90,80,7", "outside low 90 to high 110"),
        ("2022-01-03 12:01:00,100,110,90,105,-7", "volume is '-7'"),
        ("2022-01-03 12:01:00,100,110,90,105", "has 5 columns instead of 6"),
        ("2022-01-03 12:01:00,100,110,90,105,7,8", "has 7 columns instead of 6"),
        ("", "has 0 columns"),
        ("yesterday,100,110,90,105,7", "timestamp is 'yesterday'"),
        ("0001-01-01T00:00:00+14:00,100,110,90,105,7", "in the year 1"),
        ("2022-01-03 12:00:00,100,110,90,105,7", "time goes back"),
        ("2022-01-03 11:59:00,100,110,90,105,7", "time goes back"),
    ],
)
@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz"])
def test_a_damaged_bar_is_refused_with_file_and_line(tmp_path, line, told, name):
    with pytest.raises(BadRecording) as refused:
        recording.read(written(tmp_path, BARS, SOUND, line, name=name))
    assert told in refused.value.detail
    assert refused.value.detail.startswith(f"{name}, line 3: ")
    assert (refused.value.extra, refused.value.code) == ({"file": name, "line": 3}, "bad_recording")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (BOOK.replace("101", "-101"), "asks[0].price is '-101'"),
        (BOOK.replace(",2", ",0"), "bids[0].amount is zero"),
        (BOOK.replace(",2", ",nan"), "bids[0].amount is 'nan'"),
        (BOOK.replace(",2", ""), "has 7 columns instead of 8"),
        (BOOK.replace("BTCUSDT", "ETHUSDT"), "symbol 'ETHUSDT'"),
        (BOOK.replace("1598918403696000", "1598918403695999"), "time goes back"),
        (BOOK.replace("1598918403696000", "1598918403696"), "time goes back"),
        (BOOK.replace("1598918403696000", "2020-09-01"), "not microseconds since 1970"),
        (BOOK.replace("1598918403696000", "9" * 30), "not microseconds since 1970"),
    ],
)
def test_a_damaged_snapshot_is_refused_with_file_and_line(tmp_path, line, told):
    with pytest.raises(BadRecording) as refused:
        recording.read(written(tmp_path, SNAPSHOT, BOOK, line))
    assert told in refused.value.detail
    assert refused.value.extra["line"] == 3


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((), "is empty"),
        ((BARS,), "holds a header and no prices"),
        (("when,o,h,l,c", SOUND), "of no known layout"),
        ((SNAPSHOT.replace("bids[0].amount", "bids[1].amount"), BOOK), "the header is not asks[n].price"),
        ((SNAPSHOT.rsplit(",", 4)[0], BOOK), "the header is not asks[n].price"),
        (('"timestamp,open', SOUND), "is not CSV"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path, lines, told):
    with pytest.raises(BadRecording, match=r"prices\.csv") as refused:
        recording.read(written(tmp_path, *lines))
    assert told in refused.value.detail


def test_a_missing_file_a_folder_and_damaged_gzip_are_refused(tmp_path):
    with pytest.raises(BadRecording, match="no such file"):
        recording.read(tmp_path / "none.csv")
    with pytest.raises(BadRecording, match="cannot be read"):
        recording.read(tmp_path)
    plain = tmp_path / "plain.csv.gz"
    plain.write_text(f"{BARS}\n{SOUND}\n")
    with pytest.raises(BadRecording, match="not sound gzip"):
        recording.read(plain)
    whole = written(tmp_path, BARS, *(f"2022-01-03 12:{n:02}:00,100,110,90,105,{n}" for n in range(60)), name="whole.csv.gz").read_bytes()
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadRecording, match=r"cut\.csv\.gz.*not sound gzip"):
        recording.read(cut)
    flipped = tmp_path / "flipped.csv.gz"
    flipped.write_bytes(whole[:40] + bytes([whole[40] ^ 255]) + whole[41:])
    with pytest.raises(BadRecording):
        recording.read(flipped)


# --- a snapshot and its updates ---------------------------------------------------------------------------------------------

DEPTH = "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu"
SNAP = ["BTCUSDT,1667346579146,10,10,b,snap,99,1,-1", "BTCUSDT,1667346579146,10,10,b,snap,98,2,-1",
        "BTCUSDT,1667346579146,10,10,a,snap,101,1.5,-1"]  # fmt: skip
FIRST = ["BTCUSDT,1667346579246,9,12,b,set,99,0,8", "BTCUSDT,1667346579246,9,12,a,set,100.5,0.25,8"]
SECOND = ["BTCUSDT,1667346579346,13,15,a,set,101,0,12"]


def shape(book):
    return [[(str(level.price), str(level.quantity)) for level in side] for side in (book.bids, book.asks)]


def test_updates_are_applied_to_the_snapshot_in_their_order(tmp_path):
    books = recording.read(written(tmp_path, DEPTH, *SNAP, *FIRST, *SECOND)).books
    assert [shape(book) for book in books] == [
        [[("99", "1"), ("98", "2")], [("101", "1.5")]],
        [[("98", "2")], [("100.5", "0.25"), ("101", "1.5")]],
        [[("98", "2")], [("100.5", "0.25")]],
    ]
    assert (books[1].at - books[0].at).microseconds == 100_000
    assert not check_book(books[2])


def test_updates_may_stand_in_a_file_beside_the_snapshot(tmp_path):
    path = written(tmp_path, DEPTH, *SNAP, name="x-snap.csv")
    assert len(recording.read(path).books) == 1
    written(tmp_path, DEPTH, "BTCUSDT,1667346579000,5,9,b,set,1,1,4", *FIRST, *SECOND, name="x-update.csv")
    assert len(recording.read(path).books) == 3  # what is older than the snapshot is passed over


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([*FIRST], "begins with an update"),
        ([*SNAP, *SECOND], "updates after 10 are missing: the next is 13"),
        ([*SNAP, *FIRST, SECOND[0].replace(",12", ",11")], "updates after 12 are missing"),
        ([*SNAP[:2]], "holds no asks"),
        ([*SNAP, *FIRST, *SECOND, "BTCUSDT,1667346579446,16,17,a,set,100.5,0,15"], "holds no asks"),
        ([SNAP[0].replace(",b,", ",x,")], "side 'x'"),
        ([SNAP[0].replace("snap", "poke")], "update_type 'poke'"),
        ([*SNAP, FIRST[0].replace(",9,12,", ",nine,12,")], "first_update_id"),
        ([SNAP[0].replace(",99,", ",-99,")], "price"),
        ([SNAP[0].replace(",99,1,", ",99,0,")], "qty is zero"),
        ([*SNAP, FIRST[0].replace("BTCUSDT", "ETHUSDT")], "ETHUSDT"),
        ([SNAP[0] + ",1"], "10 columns"),
    ],
)
def test_a_gap_a_missing_side_or_a_wrong_field_is_refused(tmp_path, lines, told):
    with pytest.raises(BadRecording, match=told):
        recording.read(written(tmp_path, DEPTH, *lines))


def test_the_recorded_depth_file_is_refused_for_what_it_lacks(recorded):
    with pytest.raises(BadRecording, match="holds no asks"):
        recording.read(recorded("btcusdt-depth-snap.csv"))
    with pytest.raises(BadRecording, match="begins with an update"):
        recording.read(recorded("btcusdt-depth-update.csv"))
