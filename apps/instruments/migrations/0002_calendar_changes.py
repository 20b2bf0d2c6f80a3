"""What two of operations say of one day, over the library's calendars: never changed, numbered without gaps."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.core import db

GAPLESS = """
CREATE FUNCTION instruments_calendarchange_number() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM instruments_calendarchange) THEN
    RAISE EXCEPTION 'instruments: calendar changes are numbered without gaps'
      USING ERRCODE = '23514', CONSTRAINT = 'instruments_calendarchange_number';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER instruments_calendarchange_number BEFORE INSERT ON instruments_calendarchange
  FOR EACH ROW EXECUTE FUNCTION instruments_calendarchange_number();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("instruments", "0001_initial"),
        ("core", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="CalendarChange",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("number", models.IntegerField(unique=True)),
                ("day", models.DateField()),
                ("is_good", models.BooleanField(null=True)),
                ("cutoff", models.TimeField(null=True)),
                ("reason", models.CharField(max_length=200)),
                ("made_by", models.UUIDField()),
                ("checked_by", models.UUIDField()),
                ("approval_id", models.UUIDField()),
                ("made_at", models.DateTimeField()),
                (
                    "currency",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.asset"
                    ),
                ),
                (
                    "rail",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.rail"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("currency__isnull", False), ("cutoff__isnull", True), ("rail__isnull", True)),
                            models.Q(("currency__isnull", True), ("is_good__isnull", True), ("rail__isnull", False)),
                            _connector="OR",
                        ),
                        name="calendarchange_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("made_by", models.F("checked_by")), _negated=True), name="calendarchange_four_eyes"
                    ),
                    models.CheckConstraint(condition=models.Q(("reason", ""), _negated=True), name="calendarchange_reason"),
                ],
            },
        ),
        *db.walls(
            db.append_only_sql("instruments_calendarchange"),
            (
                GAPLESS,
                "DROP TRIGGER instruments_calendarchange_number ON instruments_calendarchange; "
                "DROP FUNCTION instruments_calendarchange_number();",
            ),
        ),
    ]
