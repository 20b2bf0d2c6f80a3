"""Hedges are reported by keys of our own entities alone; whose client an account is adds up to one hundred percent, and is kept."""

from django.db import migrations

from apps.core import db

HEDGE_SCOPE = """
CREATE FUNCTION clients_hedge_scope() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT 1 FROM clients_member m JOIN clients_counterparty c ON c.id = m.counterparty_id
             WHERE m.id = NEW.member_id AND c.house_of_id IS NOT NULL) THEN
    IF NOT NEW.scopes::text[] <@ ARRAY['read', 'hedge'] THEN
      RAISE EXCEPTION 'clients: our own systems read and report hedges' USING ERRCODE = '23514', CONSTRAINT = 'clients_hedge_scope';
    END IF;
  ELSIF 'hedge' = ANY (NEW.scopes) THEN
    RAISE EXCEPTION 'clients: a client never reports hedges' USING ERRCODE = '23514', CONSTRAINT = 'clients_hedge_scope';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER clients_hedge_scope BEFORE INSERT OR UPDATE OF scopes, member_id ON clients_apikey
  FOR EACH ROW EXECUTE FUNCTION clients_hedge_scope();
"""
# Of a row's column `sales`; used by deals too. The trigger's WHEN leaves out what nobody has a share in.
SPLITS = """
CREATE FUNCTION clients_splits() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF jsonb_typeof(NEW.sales) <> 'array'
     OR EXISTS (SELECT 1 FROM jsonb_array_elements(NEW.sales) s WHERE s ->> 'person' IS NULL OR coalesce((s ->> 'share')::numeric, 0) <= 0)
     OR (SELECT sum((s ->> 'share')::numeric) <> 100 OR count(*) <> count(DISTINCT s ->> 'person') FROM jsonb_array_elements(NEW.sales) s) THEN
    RAISE EXCEPTION '%: the shares of sales are above zero, a person once, 100 in all', TG_TABLE_NAME
      USING ERRCODE = '23514', CONSTRAINT = 'clients_splits';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER clients_coverage_splits BEFORE INSERT ON clients_coverage
  FOR EACH ROW WHEN (NEW.sales <> '[]'::jsonb) EXECUTE FUNCTION clients_splits();
"""
_TERMS = ["account_id", "version", "effective_from", "entity_id", "book_id", "mode", "pairs", "markup_bps", "fee_bps", "fee_mode"]


def _frozen_terms(columns: list[str]) -> str:
    return "DROP TRIGGER clients_terms_frozen ON clients_terms;" + db.frozen_columns_sql("clients_terms", columns)[0]


class Migration(migrations.Migration):
    dependencies = [("clients", "0004_house_and_coverage")]
    operations = db.walls(
        (HEDGE_SCOPE, "DROP TRIGGER clients_hedge_scope ON clients_apikey; DROP FUNCTION clients_hedge_scope();"),
        db.frozen_columns_sql("clients_counterparty", ["house_of_id"]),
        db.frozen_columns_sql("clients_member", ["counterparty_id"]),
        (_frozen_terms([*_TERMS, "prehedge_consent"]), _frozen_terms(_TERMS)),
        (SPLITS, "DROP TRIGGER clients_coverage_splits ON clients_coverage; DROP FUNCTION clients_splits();"),
        db.undeletable_sql("clients_coverage"),
        db.frozen_columns_sql("clients_coverage", ["account_id", "version", "effective_from", "sales", "introducer_id"]),
    )
