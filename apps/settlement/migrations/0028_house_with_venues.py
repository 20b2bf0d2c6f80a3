"""House transfers to venues and back: where we pay in there, in versions, and what venues say has come and gone."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.db
import apps.core.ids
from apps.core import db

_TOLD = ["entity_id", "venue_id", "asset_id", "reference", "amount", "fee", "key", "transaction", "takes_back", "booked_at", "source"]
_FROZEN = ["entity_id", "asset_id", "source_id", "target_id", "amount", "reason", "made_by", "requested_at"]
_OWN = """
CREATE FUNCTION settlement_venuemovement_own() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.transfer_id IS NOT NULL AND NEW.transfer_id IS DISTINCT FROM OLD.transfer_id THEN
    RAISE EXCEPTION 'settlement_venuemovement: it is of one transfer for good'
      USING ERRCODE = '23514', CONSTRAINT = 'settlement_venuemovement_own';
  END IF;
  IF NEW.transfer_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM settlement_housetransfer t JOIN settlement_venueplace p ON p.id = t.place_id
    WHERE t.id = NEW.transfer_id AND t.entity_id = NEW.entity_id AND t.asset_id = NEW.asset_id AND p.venue_id = NEW.venue_id) THEN
    RAISE EXCEPTION 'settlement_venuemovement: it is of a transfer with this venue, in this asset'
      USING ERRCODE = '23514', CONSTRAINT = 'settlement_venuemovement_own';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER settlement_venuemovement_own BEFORE INSERT OR UPDATE ON settlement_venuemovement
  FOR EACH ROW EXECUTE FUNCTION settlement_venuemovement_own();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0015_fees_invoiced"),
        ("instruments", "0002_calendar_changes"),
        ("settlement", "0027_split_payments"),
    ]

    operations = [
        migrations.CreateModel(
            name="VenueMovement",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("reference", models.CharField(max_length=80)),
                ("amount", apps.core.db.AmountField()),
                ("fee", apps.core.db.AmountField(default=0)),
                ("key", models.CharField(blank=True, max_length=35)),
                ("transaction", models.CharField(blank=True, max_length=80)),
                ("takes_back", models.CharField(blank=True, max_length=80)),
                ("booked_at", models.DateTimeField()),
                ("source", models.CharField(choices=[("API", "asked of the venue"), ("FILE", "a file")], max_length=4)),
                ("taken_by", models.UUIDField(null=True)),
                ("taken_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="VenuePlace",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                ("address", models.CharField(max_length=120)),
                ("bic", models.CharField(blank=True, max_length=11)),
                ("holder", models.CharField(max_length=120)),
                ("reference", models.CharField(blank=True, max_length=35)),
                ("withdrawn", models.BooleanField(default=False)),
                ("reason", models.CharField(max_length=200)),
                ("made_by", models.UUIDField()),
                ("checked_by", models.UUIDField()),
                ("set_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="housetransfer",
            name="housetransfer_arrived",
        ),
        migrations.AlterField(
            model_name="housetransfer",
            name="source",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="settlement.nostro"),
        ),
        migrations.AlterField(
            model_name="housetransfer",
            name="target",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="settlement.nostro"),
        ),
        migrations.AlterField(
            model_name="instruction",
            name="direction",
            field=models.CharField(choices=[("PAY", "we pay"), ("RECEIVE", "we receive"), ("DRAW", "we fetch")], max_length=7),
        ),
        migrations.AddConstraint(
            model_name="instruction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("direction", "DRAW"), _negated=True),
                    models.Q(("account__isnull", True), ("house_transfer__isnull", False)),
                    _connector="OR",
                ),
                name="instruction_draws_our_own",
            ),
        ),
        migrations.AddField(
            model_name="venuemovement",
            name="asset",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.asset"),
        ),
        migrations.AddField(
            model_name="venuemovement",
            name="entity",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.bookingentity"),
        ),
        migrations.AddField(
            model_name="venuemovement",
            name="transfer",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="movements", to="settlement.housetransfer"
            ),
        ),
        migrations.AddField(
            model_name="venuemovement",
            name="venue",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.counterparty"),
        ),
        migrations.AddField(
            model_name="housetransfer",
            name="movement",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="settlement.venuemovement"
            ),
        ),
        migrations.AddField(
            model_name="venueplace",
            name="asset",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.asset"),
        ),
        migrations.AddField(
            model_name="venueplace",
            name="entity",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.bookingentity"),
        ),
        migrations.AddField(
            model_name="venueplace",
            name="rail",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.rail"),
        ),
        migrations.AddField(
            model_name="venueplace",
            name="venue",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="places", to="clients.counterparty"),
        ),
        migrations.AddField(
            model_name="housetransfer",
            name="place",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="settlement.venueplace"),
        ),
        migrations.AddConstraint(
            model_name="housetransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "SETTLED"), _negated=True),
                    models.Q(("receipt__isnull", False), ("target__isnull", False)),
                    models.Q(("movement__isnull", False), ("target__isnull", True)),
                    _connector="OR",
                ),
                name="housetransfer_arrived",
            ),
        ),
        migrations.AddConstraint(
            model_name="housetransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("place__isnull", True), ("source__isnull", False), ("target__isnull", False)),
                    models.Q(("place__isnull", False), ("source__isnull", False), ("target__isnull", True)),
                    models.Q(("place__isnull", False), ("source__isnull", True), ("target__isnull", False)),
                    _connector="OR",
                ),
                name="housetransfer_two_ends",
            ),
        ),
        migrations.AddIndex(
            model_name="venuemovement",
            index=models.Index(condition=models.Q(("transfer__isnull", True)), fields=["venue", "asset"], name="venuemovement_open"),
        ),
        migrations.AddConstraint(
            model_name="venuemovement",
            constraint=models.UniqueConstraint(fields=("entity", "venue", "asset", "reference"), name="venuemovement_once"),
        ),
        migrations.AddConstraint(
            model_name="venuemovement",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee__gte", 0), models.Q(models.Q(("amount", 0), _negated=True), ("fee__gt", 0), _connector="OR")),
                name="venuemovement_amounts",
            ),
        ),
        migrations.AddConstraint(
            model_name="venuemovement",
            constraint=models.CheckConstraint(condition=models.Q(("reference", ""), _negated=True), name="venuemovement_named"),
        ),
        migrations.AddConstraint(
            model_name="venueplace",
            constraint=models.UniqueConstraint(fields=("entity", "venue", "asset", "version"), name="venueplace_version"),
        ),
        migrations.AddConstraint(
            model_name="venueplace",
            constraint=models.CheckConstraint(
                condition=models.Q(("made_by", models.F("checked_by")), _negated=True), name="venueplace_four_eyes"
            ),
        ),
        migrations.AddConstraint(
            model_name="venueplace",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("version__gte", 1),
                    models.Q(("holder", ""), _negated=True),
                    models.Q(("address", ""), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                ),
                name="venueplace_whole",
            ),
        ),
        *db.walls(
            db.append_only_sql("settlement_venueplace"),
            db.undeletable_sql("settlement_venuemovement"),
            db.frozen_columns_sql("settlement_venuemovement", [*_TOLD, "taken_by", "taken_at"]),
            (_OWN, "DROP TRIGGER settlement_venuemovement_own ON settlement_venuemovement; DROP FUNCTION settlement_venuemovement_own();"),
            db.refrozen_columns_sql("settlement_housetransfer", [*_FROZEN, "place_id"], _FROZEN),
        ),
    ]
