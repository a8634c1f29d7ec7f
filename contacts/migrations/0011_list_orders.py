"""Indexes for the contact list by name and by last message, made without a lock: seconds per million contacts."""

import django.db.models.expressions
import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('contacts', '0010_consent_without_evidence'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='contact',
            index=models.Index(django.db.models.functions.text.Upper('name'), django.db.models.expressions.F('id'), name='contact_by_name'),
        ),
        AddIndexConcurrently(
            model_name='contact',
            index=models.Index(fields=['last_inbound_at', 'id'], name='contact_by_last_inbound'),
        ),
    ]
