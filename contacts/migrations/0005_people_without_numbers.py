"""Meta's user ids and usernames. Cost: columns with a constant default and longer varchars; no row is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0004_hidden_contacts'),
    ]

    operations = [
        migrations.AddField(
            model_name='contact',
            name='user_id',
            field=models.CharField(blank=True, db_default='', max_length=150, verbose_name='WhatsApp user id'),
        ),
        migrations.AddField(
            model_name='contact',
            name='username',
            field=models.CharField(blank=True, db_default='', max_length=60, verbose_name='username'),
        ),
        migrations.AlterField(
            model_name='contactidentity',
            name='kind',
            field=models.CharField(choices=[('phone', 'phone'), ('lid', 'LID'), ('user_id', 'WhatsApp user id'), ('parent_id', 'parent user id')], max_length=10, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='contactidentity',
            name='value',
            field=models.CharField(max_length=150, verbose_name='value'),
        ),
    ]
