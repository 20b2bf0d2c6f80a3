import pytest, subprocess
from tests import world
from decimal import Decimal as D
from apps.core import clock, db
from django.core.management import call_command
from tests.stories.test_first_deal import ask
from apps.rfqs.states import Side
from apps.workflows.accept_quote import accept_quote
from apps.workflows.request_quote import request_quote
@pytest.mark.django_db(transaction=True)
def test_v():
    clock.freeze_desk(world.NOON)
    acme = world.firm("acme")
    for i in range(3):
        rfq, quote, _ = request_quote(actor=acme.trader, account_id=None, ask=ask(f"r{i}"), depth=world.depth(), usd_per_quote=D(1), elapsed_us=lambda: 1)
        accept_quote(actor=acme.trader, quote_id=quote.id, client_order_id=f"o{i}", side=Side.BUY, price=quote.buy_price)
    call_command("export_journal", "--out", "/tmp/j.journal")
    print(open("/tmp/j.journal").read())
    print(subprocess.run(["hledger","-f","/tmp/j.journal","check","--strict","ordereddates", "balancednoautoconversion"], capture_output=True, text=True))
    print(subprocess.run(["hledger","-f","/tmp/j.journal","bal"], capture_output=True, text=True).stdout)
