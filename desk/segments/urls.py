"""The addresses of segments, below `/admin/` and in the admin's own namespace."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from desk.segments import builder, from_filters, segment_list

_page = admin.site.admin_view
urlpatterns = [
    path("segments/", _page(segment_list.list_view), name="segments"),
    path("segments/new/", _page(builder.new_view), name="segments-new"),
    path("segments/narrowing/", _page(builder.narrowing_view), name="segments-narrowing"),
    path("segments/from-contacts/", _page(from_filters.from_contacts), name="segments-from-contacts"),
    path("segments/<int:pk>/", _page(builder.edit_view), name="segments-edit"),
    path("segments/<int:pk>/count/", _page(segment_list.count_view), name="segments-count"),
    path("segments/<int:pk>/duplicate/", _page(segment_list.duplicate_view), name="segments-duplicate"),
    path("segments/<int:pk>/archive/", _page(segment_list.archive_view), name="segments-archive"),
    path("segments/<int:pk>/restore/", _page(segment_list.restore_view), name="segments-restore"),
]
