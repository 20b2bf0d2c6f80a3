"""The coverage screen: each account with who covers it now."""

from dataclasses import dataclass
from datetime import datetime

from apps.core import db


@dataclass(frozen=True, slots=True)
class Covered:
    """`sales` is (name, share in percent) by share; nobody and no date where it was never covered."""

    account: str
    client: str
    client_name: str
    status: str
    sales: list[tuple[str, str]]
    introducer: str | None
    since: datetime | None
    version: int | None


_COVERED = """
SELECT a.code, c.code, c.name, a.status,
  coalesce((SELECT json_agg(json_build_array(coalesce(u.username, '?'), s->>'share') ORDER BY (s->>'share')::numeric DESC, u.username)
            FROM jsonb_array_elements(v.sales) s LEFT JOIN users_user u ON u.id = (s->>'person')::uuid), '[]'),
  i.code, v.effective_from, v.version
FROM clients_account a
JOIN clients_counterparty c ON c.id = a.owner_id
LEFT JOIN clients_coverage v ON v.account_id = a.id AND v.effective_until IS NULL
LEFT JOIN clients_counterparty i ON i.id = v.introducer_id
WHERE 'CLIENT' = ANY(c.roles)
ORDER BY c.code, a.code
"""


def list_covered() -> list[Covered]:
    out = []
    for account, client, name, status, sales, introducer, since, version in db.run(_COVERED):
        people = sales if isinstance(sales, list) else db.loads(sales)
        out.append(Covered(account, client, name, status, [(who, share) for who, share in people], introducer, since, version))
    return out
