"""The six roles, as groups. Their permissions follow `labelcrm.core.roles` after every migrate. Costs six inserts."""

from django.db import migrations

ROLES = ["owner", "cs_lead", "cs", "marketing", "analyst", "auditor"]


def create_roles(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for name in ROLES:
        group.objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [migrations.RunPython(create_roles, migrations.RunPython.noop)]
