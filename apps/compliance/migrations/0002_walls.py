"""What was screened is kept."""

from django.db import migrations

from apps.core import db


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        db.append_only_sql("compliance_screening"),
    )
