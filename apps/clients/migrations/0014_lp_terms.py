"""How many days a hedge with an LP takes to settle is part of the terms, which are never edited."""

from django.db import migrations, models
from django.db.models import Q

from apps.core import db

_BEFORE = [
    "account_id", "version", "effective_from", "entity_id", "book_id", "mode", "pairs", "markup_bps", "fee_bps", "fee_mode",
    "close_out_netting", "close_out_agreement", "close_out_date",
]  # fmt: skip
_AFTER = [*_BEFORE, "tenor", "payment_netting", "netting_agreement", "netting_cutoff", "netting_zone"]
_DROP = "DROP TRIGGER clients_terms_frozen ON clients_terms;"


class Migration(migrations.Migration):
    dependencies = [("clients", "0013_own_custody")]
    operations = [
        migrations.AddField(model_name="terms", name="tenor", field=models.SmallIntegerField(blank=True, null=True)),
        migrations.AddConstraint(
            model_name="terms",
            constraint=models.CheckConstraint(condition=Q(tenor__isnull=True) | Q(tenor__gte=0, tenor__lte=2), name="terms_tenor"),
        ),
        *db.walls(
            (
                f"{_DROP} {db.frozen_columns_sql('clients_terms', _AFTER)[0]}",
                f"{_DROP} {db.frozen_columns_sql('clients_terms', _BEFORE)[0]}",
            )
        ),
    ]
