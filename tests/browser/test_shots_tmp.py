import os, pytest
from apps.core import ids
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OUT="/tmp/shots"
os.makedirs(OUT, exist_ok=True)
@pytest.mark.timeout(300)
def test_shots(visit, day, staff):
    deal = f"/desk/deals/{ids.encode('trd', day.deal.id)}/"
    for who, scheme, w, h in (("olga","light",1440,900),("tara","dark",1024,768)):
        v = visit(who, width=w, height=h, scheme=scheme)
        pages = {"home":"/desk/","rfqs":"/desk/rfqs/","hist":"/desk/rfqs/?tab=historic","blotter":"/desk/blotter/","position":"/desk/position/","deal":deal,"approvals":"/desk/approvals/","halts":"/desk/halts/"}
        if who=="olga": pages |= {"settlement":"/desk/settlement/","admin":"/admin/","adminlist":"/admin/trades/trade/", "adminone":f"/admin/trades/trade/{day.deal.id}/change/"}
        for n, p in pages.items():
            v.page.goto(p); v.page.wait_for_timeout(700)
            v.page.screenshot(path=f"{OUT}/{n}-{scheme}.png")
        print(who, v.errors)
    from tests.desk.day import settle_day
    settle_day(day, staff)
    v = visit("olga", scheme="light")
    for n, p in {"deal-settled": deal, "settlement-value": "/desk/settlement/", "home-value": "/desk/", "blotter-value":"/desk/blotter/", "approvals-decided":"/desk/approvals/?tab=decided"}.items():
        v.page.goto(p); v.page.wait_for_timeout(700); v.page.screenshot(path=f"{OUT}/{n}.png", full_page=True)
    print(v.errors)
    ctx = v.page.context.browser.new_context(viewport={"width":1440,"height":900}, base_url=v.page.url.split("/desk")[0])
    p = ctx.new_page(); p.goto("/login/"); p.screenshot(path=f"{OUT}/login.png"); ctx.close()
