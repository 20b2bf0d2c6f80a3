"""The desk's forms, sent as a browser without JavaScript sends them."""

import uuid

from django.test import Client


def send(who: Client, address: str, /, once: str = "", **form: str) -> int:
    """The answer's status; `address` is told from /desk/ on.

    :param once: the form's own key; by default a new one, so that the form is a new one
    """
    return who.post(f"/desk/{address}", {"once": once or str(uuid.uuid4()), **form}).status_code
