"""A member who is closed leaves nothing that waits, though it asks at the same moment."""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.core.errors import AppError
from apps.settlement.models import Withdrawal
from apps.workflows.close_member import close_member
from apps.workflows.transfer_balance import request_withdrawal
from tests import people, world
from tests.settlement import world as here
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_withdrawal_asked_for_while_its_member_is_closed_ends_with_it() -> None:
    here.open_house("USD")
    acme, ada = world.firm("acme"), people.staff("ada", "admin")

    def ask(n: int) -> Any:
        try:
            return request_withdrawal(actor=acme.treasury, account_id=acme.account.id, asset="USD", amount=D(10), client_reference=f"w{n}")
        except AppError as no:
            return no.code

    def act(n: int) -> Any:
        return close_member(actor=ada, member_id=acme.treasury.id) if n == 3 else ask(n)

    together(7, act)
    assert ask(99) == "no_settlement_authority", "one who is closed asks for nothing"
    assert not Withdrawal.objects.exclude(status="CANCELLED").exists()
