"""The addresses of conversions, below `/admin/` and in the admin's own namespace."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from desk.conversions import conversion_list, making_files, what_counts

_page = admin.site.admin_view
urlpatterns = [
    path("conversions/", _page(conversion_list.list_page), name="conversions"),
    path("conversions/<int:pk>/value/", _page(conversion_list.set_value), name="conversions-value"),
    path("conversions/what-counts/", _page(what_counts.settings_page), name="conversions-settings"),
    path("conversions/meta/", _page(what_counts.meta_page), name="conversions-meta"),
    path("conversions/meta/again/", _page(what_counts.send_again), name="conversions-meta-again"),
    path("conversions/files/", _page(making_files.make), name="conversions-make"),
    path("conversions/files/<int:pk>/", _page(making_files.file_page), name="conversions-file"),
    path("conversions/files/<int:pk>/state/", _page(making_files.file_state), name="conversions-file-state"),
    path("conversions/files/<int:pk>/cancel/", _page(making_files.cancel), name="conversions-file-cancel"),
]
