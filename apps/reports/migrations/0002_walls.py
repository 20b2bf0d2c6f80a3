"""A report run exists once and stays."""

from django.db import migrations

from apps.core import db
from apps.reports.states import RUN


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("reports_reportrun", RUN),
        db.undeletable_sql("reports_reportrun"),
        db.frozen_columns_sql("reports_reportrun", ["report", "scope", "business_date", "version"]),
    )
