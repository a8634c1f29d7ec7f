"""The WSGI application: webhook posts go straight to the receiver, everything else to Django."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelcrm.settings")

from django.core.wsgi import get_wsgi_application

django_application = get_wsgi_application()

from labelcrm.core.postgresql.base import wait_at_most  # noqa: E402 - needs the settings
from webhooks.receiver.application import Receiver  # noqa: E402 - needs the app registry

WEB_SECONDS = 60  # nobody waits longer for a page; until then its thread is lost to others

wait_at_most(WEB_SECONDS)

application = Receiver(django_application)
