"""A settlement instruction that operations entered on the client's word: who entered it signs nothing else, and its whole time is waited."""

from django.db import migrations, models
from django.db.models import F, Q

from apps.core import db

_UNVERIFIED = ["DRAFT", "VERIFYING", "REJECTED"]
_BEFORE = [
    "account_id", "rail_code", "asset_code", "holder", "address", "bic", "self_hosted", "proposed_by", "valid_until", "created_at",
]  # fmt: skip
_FILE = Q(proposed_by__isnull=True, entered_by__isnull=True)  # out of the onboarding file
_VERIFIED = Q(verified_by__isnull=False, checked_by__isnull=False, cooling_until__isnull=False) & ~Q(evidence_kind="")
_NO_KEYS = Q(self_hosted=False) & ~Q(evidence_kind="SIGNED_MESSAGE")
WAITED = """
CREATE FUNCTION clients_ssi_waited() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.entered_by IS NOT NULL AND (
       OLD.cooling_until IS NOT NULL AND NEW.cooling_until IS DISTINCT FROM OLD.cooling_until
       OR OLD.status = 'APPROVED' AND NEW.status = 'ACTIVE' AND NEW.cooling_until > desk_now()) THEN
    RAISE EXCEPTION 'clients_ssi: the client may object until %', OLD.cooling_until
      USING ERRCODE = '23514', CONSTRAINT = 'clients_ssi_waited';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER clients_ssi_waited BEFORE UPDATE ON clients_ssi FOR EACH ROW EXECUTE FUNCTION clients_ssi_waited();
"""


def _rule(name, condition):
    return migrations.AddConstraint("ssi", models.CheckConstraint(condition=condition, name=name))


class Migration(migrations.Migration):
    dependencies = [("clients", "0016_stopped_members")]
    operations = [
        migrations.AddField("ssi", "entered_by", models.UUIDField(blank=True, null=True)),
        migrations.AddField("ssi", "word", models.JSONField(blank=True, default=dict)),
        migrations.RemoveConstraint("ssi", "ssi_verified"),
        migrations.RemoveConstraint("ssi", "ssi_self_hosted"),
        _rule("ssi_verified", _FILE | Q(status__in=_UNVERIFIED) | _VERIFIED),
        _rule("ssi_self_hosted", _FILE | _NO_KEYS | Q(status__in=_UNVERIFIED) | Q(compliance_by__isnull=False)),
        _rule(
            "ssi_entered",
            Q(entered_by__isnull=True)
            | Q(proposed_by__isnull=True, approved_by__isnull=True)
            & ~Q(word={})
            & (Q(verified_by__isnull=True) | ~Q(verified_by=F("entered_by")))
            & (Q(checked_by__isnull=True) | ~Q(checked_by=F("entered_by")))
            & (Q(compliance_by__isnull=True) | ~Q(compliance_by=F("entered_by"))),
        ),
        *db.walls(
            db.refrozen_columns_sql("clients_ssi", [*_BEFORE, "entered_by", "word"], _BEFORE),
            (WAITED, "DROP TRIGGER clients_ssi_waited ON clients_ssi; DROP FUNCTION clients_ssi_waited();"),
        ),
    ]
