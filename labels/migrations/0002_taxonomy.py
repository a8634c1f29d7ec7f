"""The standard categories and labels of a new installation. Costs about a hundred inserts, once."""

from django.db import migrations

from labels.rules import taxonomy


def seed(apps, schema_editor):
    taxonomy.seed(
        category_model=apps.get_model("labels", "Category"),
        label_model=apps.get_model("labels", "Label"),
        alias_model=apps.get_model("labels", "LabelAlias"),
    )


class Migration(migrations.Migration):
    dependencies = [("labels", "0001_initial")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
