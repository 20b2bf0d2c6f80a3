"""A stored answer stays in its row as it is: compressing two or three kilobytes, and moving them out, took longer than writing the row."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0003_published_keys")]
    operations = [
        migrations.RunSQL(
            ["ALTER TABLE core_storedanswer SET (toast_tuple_target = 8160)"],
            ["ALTER TABLE core_storedanswer RESET (toast_tuple_target)"],
        )
    ]
