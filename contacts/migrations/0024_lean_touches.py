"""Fewer indexes of campaign touches: those that lead with the same columns serve as well."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0023_who_waits'),
    ]

    operations = [
        migrations.AlterField(
            model_name='campaigntouch',
            name='campaign',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='touches', to='contacts.campaign', verbose_name='campaign'),
        ),
        migrations.AlterField(
            model_name='campaigntouch',
            name='contact',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='touches', to='contacts.contact', verbose_name='contact'),
        ),
        migrations.AlterField(
            model_name='campaigntouch',
            name='message',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='contacts.message'),
        ),
    ]
