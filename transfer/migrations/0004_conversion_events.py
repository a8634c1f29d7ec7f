"""What becomes a conversion in a new installation: a first good label, and a first label that means done. Two inserts.

Nothing leaves the house by that: a file is made by hand, and Meta's API is off.
"""

from django.db import migrations

EVENTS = (
    {
        "code": "qualified_lead", "name": "Prospek bagus", "name_en": "Qualified lead", "basis": "high_quality",
        "meta_name": "LeadSubmitted", "google_name": "Qualified lead", "position": 1,
    },
    {
        "code": "purchase", "name": "Pembelian", "name_en": "Purchase", "basis": "won", "meta_name": "Purchase",
        "google_name": "Purchase", "position": 2,
    },
)  # fmt: skip


def seed(apps, schema_editor):
    for event in EVENTS:
        apps.get_model("transfer", "ConversionEvent").objects.get_or_create(code=event["code"], defaults=event)


class Migration(migrations.Migration):
    dependencies = [("transfer", "0003_conversions")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
