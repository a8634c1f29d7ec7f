"""The addresses of exports, below `/admin/` and in the admin's own namespace."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from desk.exports import asking, results, schedules

_page = admin.site.admin_view
urlpatterns = [
    path("segments/<int:pk>/export/", _page(asking.segment_page), name="segments-export"),
    path("exports/", _page(results.list_page), name="exports"),
    path("exports/schedules/", _page(schedules.list_page), name="schedules"),
    path("exports/schedules/new/", _page(schedules.new_page), name="schedules-new"),
    path("exports/schedules/<int:pk>/", _page(schedules.schedule_page), name="schedules-page"),
    path("exports/schedules/<int:pk>/change/", _page(schedules.edit_page), name="schedules-edit"),
    path("exports/schedules/<int:pk>/run/", _page(schedules.run_view), name="schedules-run"),
    path("exports/schedules/<int:pk>/on/", _page(schedules.switch_view), {"on": True}, name="schedules-on"),
    path("exports/schedules/<int:pk>/off/", _page(schedules.switch_view), {"on": False}, name="schedules-off"),
    path("exports/schedules/<int:pk>/archive/", _page(schedules.archive_view), name="schedules-archive"),
    path("exports/schedules/<int:pk>/restore/", _page(schedules.restore_view), name="schedules-restore"),
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
