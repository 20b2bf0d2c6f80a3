"""A payload stays in its row as it is: compressing two or three kilobytes, and moving them out, took longer than writing the row."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("events", "0004_one_after_the_other")]
    operations = [
        migrations.RunSQL(
            ["ALTER TABLE events_event SET (toast_tuple_target = 8160)"],
            ["ALTER TABLE events_event RESET (toast_tuple_target)"],
        )
    ]
