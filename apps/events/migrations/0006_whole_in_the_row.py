"""A payload stays in its row as it is: compressing two or three kilobytes, and moving them out, took longer than writing the row."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("events", "0005_seal")]
    operations = [
        migrations.RunSQL(
            ["ALTER TABLE events_event SET (toast_tuple_target = 8160)"],
            ["ALTER TABLE events_event RESET (toast_tuple_target)"],
        )
    ]
