"""How many people the API showed each user on each day. Costs nothing: one empty table; undone by dropping it."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0003_no_names_in_the_trail'),
    ]

    operations = [
        migrations.CreateModel(
            name='PeopleServed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day')),
                ('people', models.PositiveIntegerField(verbose_name='people')),
                ('by_resource', models.JSONField(default=dict)),
                ('seen', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'people served',
                'verbose_name_plural': 'people served',
                'constraints': [models.UniqueConstraint(fields=('user', 'day'), name='people_served_once_per_day')],
            },
        ),
    ]
