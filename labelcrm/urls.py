"""Every address this site answers, except webhooks: those are caught before Django (labelcrm/wsgi.py)."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from desk.briefs.urls import urlpatterns as brief_pages
from desk.conversions.urls import urlpatterns as conversion_pages
from desk.exports.urls import urlpatterns as export_pages
from desk.labels.naming_doctor import urlpatterns as naming_pages
from desk.segments.urls import urlpatterns as segment_pages

admin_pages, admin_name, admin_namespace = admin.site.urls
pages = [*segment_pages, *export_pages, *conversion_pages, *naming_pages, *brief_pages]

urlpatterns = [
    path("", include("desk.landing")),
    path("", include("api.health")),
    path("api/", include("api.urls")),
    path("", include("api.mcp.http")),
    path("", include("desk.language")),
    path("admin/", include("desk.base.days")),
    path("admin/", include("desk.search.page")),
    path("admin/", include("desk.system.page")),
    path("admin/", include("desk.system.work")),
    path("admin/", include("desk.system.notice_pages")),
    path("admin/", include("desk.imports.page")),
    path("", include("desk.home.page")),
    path("admin/", include("desk.today.page")),
    path("admin/reports/", include("desk.reports.urls")),
    path("admin/", include("desk.people.urls")),
    path("admin/", include("desk.connection.views")),
    path("admin/", include("desk.contacts.unanswered")),
    path("admin/", include("desk.labels.suggestions")),
    path("", include("desk.contacts.downloads")),
    path("admin/", ([*pages, *admin_pages], admin_name, admin_namespace)),
]
