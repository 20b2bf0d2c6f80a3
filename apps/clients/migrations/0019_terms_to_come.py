"""Terms are signed for a later instant too: none ends before it is in force."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("clients", "0018_lp_places_by_two")]
    operations = [
        migrations.AddConstraint(
            model_name="terms",
            constraint=models.CheckConstraint(
                condition=Q(effective_until__isnull=True) | Q(effective_until__gte=F("effective_from")), name="terms_in_order"
            ),
        ),
    ]
