"""Samples of grades for a blind second look, and what the reviewers chose. New tables: costs nothing."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0021_times_without_rows'),
        ('labels', '0016_instants'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LookSample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('week', models.DateField(verbose_name='week')),
                ('seed', models.BigIntegerField()),
                ('wanted', models.PositiveSmallIntegerField()),
                ('graded', models.PositiveIntegerField()),
                ('drawn_at', models.DateTimeField(verbose_name='drawn at')),
                ('agent', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='look_samples', to='contacts.agent', verbose_name='CS')),
                ('drawn_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='drawn by')),
            ],
            options={
                'verbose_name': 'sample for a second look',
                'verbose_name_plural': 'samples for a second look',
                'default_permissions': ('add', 'view'),
            },
        ),
        migrations.CreateModel(
            name='SampledGrade',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.PositiveSmallIntegerField()),
                ('method', models.CharField(choices=[('crm_user', 'set from here'), ('channel_owner', 'owner of the number'), ('roster', 'on shift'), ('assigned', 'contact is assigned to'), ('unknown', 'unknown')], max_length=15, verbose_name='how we know')),
                ('graded_at', models.DateTimeField(verbose_name='graded at')),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contacts.channel', verbose_name='channel')),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sampled_grades', to='contacts.contact', verbose_name='contact')),
                ('label', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labels.label', verbose_name='label')),
                ('sample', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='grades', to='labels.looksample')),
                ('shown_to', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'sampled grade',
                'verbose_name_plural': 'sampled grades',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='SecondLook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(verbose_name='time')),
                ('blind', models.BooleanField(default=True)),
                ('grade', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='look', to='labels.sampledgrade')),
                ('label', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='labels.label', verbose_name='label')),
                ('reviewer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='reviewer')),
            ],
            options={
                'verbose_name': 'second look',
                'verbose_name_plural': 'second looks',
                'default_permissions': ('add', 'view'),
            },
        ),
        migrations.AddConstraint(
            model_name='looksample',
            constraint=models.UniqueConstraint(fields=('agent', 'week'), name='one_look_sample_a_week'),
        ),
        migrations.AddIndex(
            model_name='sampledgrade',
            index=models.Index(fields=['graded_at', 'id'], name='sampled_grade_by_time'),
        ),
        migrations.AddConstraint(
            model_name='sampledgrade',
            constraint=models.UniqueConstraint(fields=('sample', 'place'), name='sampled_grade_place_once'),
        ),
    ]
