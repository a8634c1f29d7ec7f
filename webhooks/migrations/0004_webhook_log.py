"""Calls the raw posts a log of webhooks: "inbox" made people look for chats there. Names only; no table changes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0003_reasons_are_codes")]

    operations = [
        migrations.AlterModelOptions(
            name="inboundevent",
            options={"ordering": ["-id"], "verbose_name": "webhook event", "verbose_name_plural": "webhook log"},
        ),
    ]
