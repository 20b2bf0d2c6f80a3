"""Two versions side by side: what an old key still gets, and how it is told that this ends."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest
from flowdesk_client import Api
from flowdesk_client.signing import sign

from apps.clients.rules import API_VERSIONS
from apps.core import clock, db
from tests import web as webs
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = API_VERSIONS


def get(web: webs.Web, api: Api, path: str, **headers: str) -> httpx.Response:
    signed = sign(api.key, method="GET", host=web.url.removeprefix("http://"), path=path)
    return httpx.get(web.url + path, headers=signed | headers, timeout=60)


def test_an_old_and_a_new_key_get_their_own_answers_side_by_side(web: webs.Web) -> None:
    clock.freeze_desk(world.NOON)
    firm = world.firm("acme")
    old, new = webs.api(web, firm.trader), webs.api(web, firm.trader)
    db.run("UPDATE clients_apikey SET api_version = %s WHERE key_id = %s", (OLD, old.key.key_id))
    for path in ("/api/v1/instruments", "/api/v1/instruments/BTC-USD"):
        was, now = get(web, old, path), get(web, new, path)
        before, after = ((a.json()["data"] if "data" in a.json() else [a.json()]) for a in (was, now))
        assert [one["tenor"] for one in before] == [one["default_tenor"] for one in before]
        assert before == [one | {"tenor": one["default_tenor"]} for one in after], "nothing else differs"
        assert (was.headers["API-Version"], now.headers["API-Version"]) == (OLD, NEW)
        since = datetime.fromtimestamp(int(was.headers["Deprecation"].removeprefix("@")), UTC)
        assert since < parsedate_to_datetime(was.headers["Sunset"])
        assert 'rel="deprecation"' in was.headers["Link"]
        assert not {"Deprecation", "Sunset", "Link"} & set(now.headers)
    assert "Deprecation" not in get(web, old, "/api/v1/accounts").headers, "only where it is"


def test_a_new_key_is_pinned_to_the_newest_and_a_request_may_try_another(web: webs.Web) -> None:
    api = webs.api(web, world.firm("acme").trader)
    assert api.get(f"/api/v1/keys/{api.key.key_id}")["api_version"] == NEW
    tried = get(web, api, "/api/v1/instruments/BTC-USD", **{"API-Version": OLD})
    assert (tried.headers["API-Version"], "tenor" in tried.json()) == (OLD, True)
    wrong = get(web, api, "/api/v1/instruments/BTC-USD", **{"API-Version": "2020-01-01"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "API-Version")
