"""Commands in one round trip, sent ahead or not; who asks cannot tell, in success or in failure."""

import pytest
import redis
from django.test import override_settings

from apps.core import valkey

SET, GET, COUNT = ("SET", "a", "1"), ("GET", "a"), ("INCRBY", "n", 2)


def test_answers_come_in_the_order_of_the_commands() -> None:
    before = valkey.flights
    assert valkey.ask(SET, GET, COUNT) == [b"OK", b"1", 2]
    assert valkey.flights == before + 1


def test_what_was_sent_ahead_is_given_once_without_another_flight() -> None:
    before = valkey.flights
    with valkey.gathered():
        valkey.ahead([SET, COUNT, GET])
        assert valkey.ask(GET) == [b"1"]
        assert valkey.ask(SET, COUNT) == [b"OK", 2]
        assert valkey.flights == before + 1
        assert valkey.ask(COUNT) == [4]
        assert valkey.flights == before + 2


def test_what_nobody_asked_for_is_told_and_forgotten() -> None:
    with valkey.gathered():
        valkey.ahead([COUNT, GET])
        valkey.ask(GET)
        assert valkey.unasked() == [COUNT]
        assert valkey.unasked() == []
    with valkey.gathered():
        assert valkey.unasked() == []


def test_outside_of_a_request_nothing_is_sent_ahead() -> None:
    before = valkey.flights
    valkey.ahead([COUNT])
    assert valkey.flights == before


def test_a_refused_command_is_an_error_of_who_asks_for_it_alone() -> None:
    valkey.ask(("RPUSH", "list", "x"))
    wrong = ("INCRBY", "list", 1)
    with valkey.gathered():
        valkey.ahead([wrong, SET])
        assert valkey.ask(SET) == [b"OK"]
        with pytest.raises(redis.ResponseError):
            valkey.ask(wrong)
    assert valkey.ask(GET) == [b"1"]


def test_without_a_server_everybody_who_asks_is_told_and_none_waits_again() -> None:
    with override_settings(VALKEY_URL="redis://127.0.0.1:1"):
        before = valkey.flights
        with valkey.gathered():
            valkey.ahead([SET, GET])
            for command in (SET, GET):
                with pytest.raises(redis.ConnectionError):
                    valkey.ask(command)
            assert valkey.flights == before + 1


def test_a_server_that_hangs_is_given_up_and_its_late_answer_is_nobodys(impatient: None) -> None:
    with redis.Redis.from_url(valkey.settings.VALKEY_URL) as other:
        valkey.ask(("SET", "a", "old"))
        other.execute_command("CLIENT", "PAUSE", "3000", "ALL")
        with pytest.raises(redis.TimeoutError):
            valkey.ask(GET)
        other.execute_command("CLIENT", "UNPAUSE")  # answered when the pause is over
        assert valkey.ask(("SET", "a", "new"), GET) == [b"OK", b"new"]


def heard(subscription: redis.client.PubSub) -> bytes | int:
    return subscription.get_message(timeout=30)["data"]


@pytest.fixture
def ear():
    with redis.Redis.from_url(valkey.settings.VALKEY_URL) as server, server.pubsub() as subscription:
        subscription.subscribe("news")
        assert heard(subscription) == 1, "it is heard from here on"
        yield subscription


def test_what_is_shouted_is_heard_and_goes_on_being_heard_when_the_line_was_cut(ear: redis.client.PubSub) -> None:
    valkey.shout([("PUBLISH", "news", "one"), ("PUBLISH", "news", "two")])
    assert [heard(ear), heard(ear)] == [b"one", b"two"]
    with redis.Redis.from_url(valkey.settings.VALKEY_URL) as server:
        server.client_kill_filter(_type="normal", skipme=True)
    valkey.shout([("PUBLISH", "news", "three")])
    assert heard(ear) == b"three"


def test_a_shout_that_nobody_hears_is_lost_without_a_word_and_a_silent_server_is_left_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "PAUSE_S", 60)
    valkey._mouth.cache_clear()
    with override_settings(VALKEY_URL="redis://127.0.0.1:1"):
        for _ in range(3):
            valkey.shout([("PUBLISH", "news", "lost")])
    assert caplog.text.count("was not told") == 1  # the other two did not try
