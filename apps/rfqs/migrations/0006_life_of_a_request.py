"""The life of a request in the desk: owners, limits, streams, minimum lives, agreements; and the walls around it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.core.db
import apps.core.ids
import apps.rfqs.states
from apps.core import db

AMOUNTS = ("price", "quantity", "quote_quantity", "fee", "client_pays", "client_receives")
BORN = """
CREATE FUNCTION rfqs_quote_born() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM rfqs_rfq WHERE id = NEW.rfq_id AND status IN ('RECEIVED', 'PICKED_UP', 'QUOTED')) THEN
    RAISE EXCEPTION 'rfqs: only a request that lives is quoted' USING ERRCODE = '23514', CONSTRAINT = 'rfqs_quote_born';
  END IF;
  IF NEW.number > 1 AND NOT EXISTS (SELECT 1 FROM rfqs_quote WHERE rfq_id = NEW.rfq_id AND number = NEW.number - 1) THEN
    RAISE EXCEPTION 'rfqs: quotes of a request are numbered without gaps' USING ERRCODE = '23514', CONSTRAINT = 'rfqs_quote_born';
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER rfqs_quote_born AFTER INSERT ON rfqs_quote FOR EACH ROW EXECUTE FUNCTION rfqs_quote_born();
"""
ENDED = """
CREATE FUNCTION rfqs_ended() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT 1 FROM rfqs_quote WHERE rfq_id = NEW.id AND status = 'OPEN') THEN
    RAISE EXCEPTION 'rfqs: a request that is % has no open quote', NEW.status USING ERRCODE = '23514', CONSTRAINT = 'rfqs_ended';
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER rfqs_ended AFTER UPDATE OF status ON rfqs_rfq FOR EACH ROW WHEN (NEW.status <> 'QUOTED') EXECUTE FUNCTION rfqs_ended();
"""
GOOD = """
CREATE FUNCTION rfqs_good_once() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'rfqs: the minimum life of a superseded quote is written once' USING ERRCODE = '23514', CONSTRAINT = 'rfqs_good_once';
END $body$;
CREATE TRIGGER rfqs_good_once BEFORE UPDATE OF good_until ON rfqs_quote FOR EACH ROW
  WHEN (OLD.good_until IS NOT NULL AND NEW.good_until IS DISTINCT FROM OLD.good_until) EXECUTE FUNCTION rfqs_good_once();
"""
OF_RFQ = ["client_id", "account_id", "client_rfq_id", "pair_id", "side", "quantity", "quote_quantity", "received_at", "duplicate_of"]
MORE_OF_RFQ = ["terms_id", "tenor", "value_date", "ttl_ms", "respond_by", "channel", "stream", "member_id"]
OF_QUOTE = [
    *("rfq_id", "number", "created_at", "expires_at", "reference_mid"),
    *(f"{side}_{amount}" for side in ("buy", "sell") for amount in AMOUNTS),
    *("provenance", "response_time_us"),
]
WALLS = db.walls(
    (BORN, "DROP TRIGGER rfqs_quote_born ON rfqs_quote; DROP FUNCTION rfqs_quote_born();"),
    (ENDED, "DROP TRIGGER rfqs_ended ON rfqs_rfq; DROP FUNCTION rfqs_ended();"),
    (GOOD, "DROP TRIGGER rfqs_good_once ON rfqs_quote; DROP FUNCTION rfqs_good_once();"),
    db.refrozen_columns_sql("rfqs_rfq", [*OF_RFQ, *MORE_OF_RFQ], OF_RFQ),
    db.refrozen_columns_sql("rfqs_quote", [*OF_QUOTE, "priced_by_id"], OF_QUOTE),
    db.append_only_sql("rfqs_agreement"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0002_walls"),
        ("instruments", "0001_initial"),
        ("rfqs", "0005_duplicate_of"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Agreement",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("agreed_at", models.DateTimeField()),
                ("agreed_by", models.CharField(max_length=120)),
                ("evidence", models.CharField(max_length=300)),
                ("flags", models.JSONField(default=list)),
                ("booked_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="quote",
            name="good_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="rfq",
            name="end_note",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="rfq",
            name="limit_price",
            field=apps.core.db.AmountField(null=True),
        ),
        migrations.AddField(
            model_name="rfq",
            name="limit_side",
            field=models.CharField(blank=True, max_length=4),
        ),
        migrations.AddField(
            model_name="rfq",
            name="stream",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="quote",
            name="end_reason",
            field=models.CharField(blank=True, max_length=13),
        ),
        migrations.AlterField(
            model_name="rfq",
            name="channel",
            field=models.CharField(
                choices=[
                    (apps.rfqs.states.Channel["API"], apps.rfqs.states.Channel["API"]),
                    (apps.rfqs.states.Channel["ORDER"], apps.rfqs.states.Channel["ORDER"]),
                    (apps.rfqs.states.Channel["VOICE"], apps.rfqs.states.Channel["VOICE"]),
                    (apps.rfqs.states.Channel["CHAT"], apps.rfqs.states.Channel["CHAT"]),
                ],
                default=apps.rfqs.states.Channel["API"],
                max_length=6,
            ),
        ),
        migrations.AlterField(
            model_name="rfq",
            name="client_rfq_id",
            field=models.CharField(max_length=64, null=True),
        ),
        migrations.AddIndex(
            model_name="rfq",
            index=models.Index(condition=models.Q(("status", "QUOTED"), ("stream", True)), fields=["respond_by"], name="rfq_streams"),
        ),
        migrations.AddConstraint(
            model_name="quote",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("status", "SUPERSEDED"), _negated=True), ("good_until__isnull", False), _connector="OR"),
                name="quote_superseded_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="quote",
            constraint=models.CheckConstraint(
                condition=models.Q(("good_until__isnull", True), ("good_until__lte", models.F("expires_at")), _connector="OR"),
                name="quote_good_in_life",
            ),
        ),
        migrations.AddConstraint(
            model_name="quote",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("accepted_at__isnull", True),
                    ("good_until__isnull", True),
                    ("accepted_at__lt", models.F("good_until")),
                    _connector="OR",
                ),
                name="quote_accepted_in_minimum_life",
            ),
        ),
        migrations.AddConstraint(
            model_name="quote",
            constraint=models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="quote_number_positive"),
        ),
        migrations.AddConstraint(
            model_name="rfq",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("client_rfq_id__isnull", False), models.Q(("channel", apps.rfqs.states.Channel["API"]), _negated=True), _connector="OR"
                ),
                name="rfq_client_names_it",
            ),
        ),
        migrations.AddConstraint(
            model_name="rfq",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("owner__isnull", False), ("status__in", ["PICKED_UP", "ON_HOLD"])),
                    models.Q(("owner__isnull", True), ("status", "RECEIVED")),
                    models.Q(("status__in", ["RECEIVED", "PICKED_UP", "ON_HOLD"]), _negated=True),
                    _connector="OR",
                ),
                name="rfq_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="rfq",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("limit_price__isnull", True), ("limit_side", "")),
                    models.Q(("limit_price__gt", 0), ("limit_side__in", ["buy", "sell"])),
                    _connector="OR",
                ),
                name="rfq_limit_whole",
            ),
        ),
        migrations.AddField(
            model_name="agreement",
            name="booked_by",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="agreement",
            name="rfq",
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="agreement", to="rfqs.rfq"),
        ),
        migrations.AddConstraint(
            model_name="agreement",
            constraint=models.CheckConstraint(
                condition=models.Q(("agreed_at__lte", models.F("booked_at"))), name="agreement_before_booking"
            ),
        ),
        migrations.AddConstraint(
            model_name="agreement",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("agreed_by", ""), _negated=True), models.Q(("evidence", ""), _negated=True)),
                name="agreement_evidence",
            ),
        ),
        *WALLS,
    ]
