"""An approval moves as its table says and keeps what was asked."""

from django.db import migrations

from apps.approvals.states import APPROVAL
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("approvals_approval", APPROVAL),
        db.undeletable_sql("approvals_approval"),
        db.frozen_columns_sql(
            "approvals_approval", ["kind", "subject_id", "subject_version", "payload", "payload_hash", "maker_id", "checker_roles"]
        ),
    )
