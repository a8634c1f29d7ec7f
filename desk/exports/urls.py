"""The addresses of exports, below `/admin/` and in the admin's own namespace."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from desk.exports import asking, results

_page = admin.site.admin_view
urlpatterns = [
    path("segments/<int:pk>/export/", _page(asking.segment_page), name="segments-export"),
    path("exports/", _page(results.list_page), name="exports"),
    path("exports/<int:pk>/", _page(results.export_page), name="exports-page"),
    path("exports/<int:pk>/state/", _page(results.export_state), name="exports-state"),
    path("exports/<int:pk>/cancel/", _page(results.cancel), name="exports-cancel"),
    path("exports/<int:pk>/people/<slug:code>/", _page(results.people), name="exports-people"),
    path("exports/<int:pk>/since/<int:earlier>/", _page(results.difference_page), name="exports-difference"),
    path(
        "exports/<int:pk>/since/<int:earlier>/<slug:which>/",
        _page(results.difference_page),
        name="exports-difference-people",
    ),
]
