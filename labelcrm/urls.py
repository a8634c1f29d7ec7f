"""Every address this site answers, except webhooks: those are caught before Django (labelcrm/wsgi.py)."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("labelcrm.health")),
    path("api/", include("labelcrm.api")),
    path("", include("labelcrm.core.language")),
    path("admin/", include("webhooks.admin.system")),
    path("", include("reports.pages_home")),
    path("admin/reports/", include("reports.pages_reports")),
    path("admin/", include("webhooks.connection.views")),
    path("admin/", admin.site.urls),
]
