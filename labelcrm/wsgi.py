"""The WSGI application: webhook posts go straight to the receiver, everything else to Django."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labelcrm.settings")

from django.core.wsgi import get_wsgi_application

django_application = get_wsgi_application()

from webhooks.receiver import Receiver  # noqa: E402 - needs the app registry

application = Receiver(django_application)
