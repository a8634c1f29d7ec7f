"""Who handed over to whom, and with whom. New tables: costs nothing."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0021_times_without_rows'),
        ('labels', '0022_label_merges'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Handover',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('plan', models.JSONField(default=dict)),
                ('numbers', models.JSONField(default=list)),
                ('counts', models.JSONField(default=dict)),
                ('note', models.TextField(blank=True, max_length=1000, verbose_name='message to the receivers')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('done_at', models.DateTimeField(null=True, verbose_name='done at')),
                ('undone_at', models.DateTimeField(null=True, verbose_name='undone at')),
                ('actor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('agent', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='handovers', to='contacts.agent', verbose_name='agent')),
                ('receivers', models.ManyToManyField(related_name='received_handovers', to='contacts.agent', verbose_name='receivers')),
            ],
            options={
                'verbose_name': 'handover',
                'verbose_name_plural': 'handovers',
                'ordering': ['-at', '-id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='HandedOverContact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.PositiveSmallIntegerField(null=True)),
                ('is_open', models.BooleanField()),
                ('is_stale', models.BooleanField()),
                ('is_unanswered', models.BooleanField()),
                ('is_due', models.BooleanField()),
                ('is_applied', models.BooleanField(default=False)),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='handed_over', to='contacts.contact')),
                ('from_agent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contacts.agent')),
                ('label', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labels.label')),
                ('to_agent', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contacts.agent')),
                ('handover', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='labels.handover')),
            ],
            options={
                'default_permissions': (),
            },
        ),
    ]
