"""An index that nothing looks by costs every request its writing; a quote's provenance stays in its row as it is (events 0005)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0008_review_due"),
        ("instruments", "0001_initial"),
        ("rfqs", "0008_streams_wait"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="quote",
            name="priced_by",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        # By hand: AlterField would take the partial unique indexes of this column for its own and drop them too.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    ["DROP INDEX rfqs_quote_rfq_id_aa9a24b7"],
                    ["CREATE INDEX rfqs_quote_rfq_id_aa9a24b7 ON rfqs_quote (rfq_id)"],
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="quote",
                    name="rfq",
                    field=models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="quotes", to="rfqs.rfq"
                    ),
                ),
            ],
        ),
        migrations.AlterField(
            model_name="rfq",
            name="account",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.account"),
        ),
        migrations.AlterField(
            model_name="rfq",
            name="client",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.counterparty"
            ),
        ),
        migrations.AlterField(
            model_name="rfq",
            name="owner",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AlterField(
            model_name="rfq",
            name="pair",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.pair"),
        ),
        migrations.AlterField(
            model_name="rfq",
            name="terms",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.terms"),
        ),
        migrations.RunSQL(
            ["ALTER TABLE rfqs_quote SET (toast_tuple_target = 8160)"],
            ["ALTER TABLE rfqs_quote RESET (toast_tuple_target)"],
        ),
    ]
