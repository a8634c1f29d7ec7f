"""What is new in the indexes of phones and names is merged into them 16 MB at a time, four times as much as before."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import migrations

from labelcrm.core.unaccented import Unaccented

LIMIT = 16 * 1024
INDEXES = {"contact_phone_trgm": "phone", "contact_name_unaccented": Unaccented("name")}


def longer(name, expression):
    """A setting of the index, which Django would build anew for it."""
    index = GinIndex(OpClass(expression, name="gin_trgm_ops"), name=name, gin_pending_list_limit=LIMIT)
    return migrations.RunSQL(
        f"ALTER INDEX {name} SET (gin_pending_list_limit = {LIMIT})",
        f"ALTER INDEX {name} RESET (gin_pending_list_limit)",
        state_operations=[
            migrations.RemoveIndex(model_name="contact", name=name),
            migrations.AddIndex(model_name="contact", index=index),
        ],
    )


class Migration(migrations.Migration):

    dependencies = [
        ("contacts", "0024_lean_touches"),
    ]

    operations = [longer(name, expression) for name, expression in INDEXES.items()]
