"""manage.py setup: what a new installation needs before anybody logs in. Idempotent."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand

from labelcrm import env
from labelcrm.core.models import User
from labelcrm.core.roles import OWNER


class Command(BaseCommand):
    help = "Create the first admin, once; name and password from ADMIN_USERNAME and ADMIN_PASSWORD."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.filter(is_superuser=True).exists():
            return
        username = env.string("ADMIN_USERNAME", default="admin")
        given = env.string("ADMIN_PASSWORD", default="")
        password = given or secrets.token_urlsafe(12)
        user = User.objects.create_superuser(username, password=password)
        user.groups.add(Group.objects.get(name=OWNER))
        shown = "as in ADMIN_PASSWORD" if given else password
        self.stdout.write(f"First admin: {username}   password: {shown}   (shown once)")
