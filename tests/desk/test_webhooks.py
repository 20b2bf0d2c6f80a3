"""The screen of webhooks: operations send one again, others look, and the client's whole address stays its own."""

import re
import uuid

import pytest

from apps.core import ids
from apps.jobs import webhooks as jobs
from apps.notify.models import Post
from tests.desk.day import Day
from tests.notify.receiver import Clock, receiving
from tests.notify.test_webhooks import endpoint, tell

pytestmark = pytest.mark.django_db(transaction=True)


def test_operations_see_why_and_send_again(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    acme, now = day.acme, Clock()
    with receiving(500) as receiver:
        hook = endpoint(acme, receiver.url, "rfq.refused")
        tell(firm=acme, kind="rfq.refused", note="x")
        jobs.queue_due(now)
        jobs.send_some(now)
        path = f"/desk/webhooks/{ids.encode('whe', hook.id)}/"
        for name in ("olga", "rita", "audrey"):
            client = enter(name)
            listed = client.get("/desk/webhooks/").content.decode()
            assert path in listed
            page = client.get(path).content.decode()
            assert "said 500" in page
            assert "in-the-path" not in page + listed, "the path is theirs"
            assert ("resend/" in page) is (name == "olga")
        post = Post.objects.get()
        form = f"{path}{ids.encode('evt', post.event_id)}/resend/"
        assert enter("rita").post(form, {"once": str(uuid.uuid4())}).status_code == 403
        client, receiver.mode = enter("olga"), 200
        found = re.search(r'name="once" value="([^"]+)"', client.get(path).content.decode().split("resend/")[1])
        assert found is not None
        for _ in range(2):
            assert client.post(form, {"once": found.group(1)}).status_code == 302
        jobs.send_some(now)
        assert len(receiver.taken) == 0, "due from now on, and the sender's clock stands before"
        now.move(seconds=60)
        jobs.send_some(now)
        assert len(receiver.taken) == 1
        assert b"Send again" in client.get(path).content
        assert client.get(f"{path}?status=RETRYING").content.count(b"data-row") == 0
