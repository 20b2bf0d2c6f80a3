"""Public halves of signing keys, kept for ever."""

from django.db import migrations, models

from apps.core import db


class Migration(migrations.Migration):
    dependencies = [("core", "0002_walls")]
    operations = [
        migrations.CreateModel(
            name="PublishedKey",
            fields=[
                ("kid", models.CharField(max_length=43, primary_key=True, serialize=False)),
                ("x", models.CharField(max_length=43, unique=True)),
                ("published_at", models.DateTimeField()),
            ],
        ),
        *db.walls(db.append_only_sql("core_publishedkey")),
    ]
