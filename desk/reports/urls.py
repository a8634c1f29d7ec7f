"""The pages of reports, below /admin/reports/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from desk.reports import contradictions, data_health, restatements
from desk.reports.movement_page import movement_page
from desk.reports.overview_page import overview_page
from desk.reports.quality_pages import metrics_page, quality_page
from desk.reports.rows_page import export_page, rows_page

urlpatterns = [
    path("overview/", admin.site.admin_view(overview_page), name="report-overview"),
    path("movement/", admin.site.admin_view(movement_page), name="report-movement"),
    path("agents/", admin.site.admin_view(quality_page), {"name": "agents"}, name="report-agents"),
    path("campaigns/", admin.site.admin_view(quality_page), {"name": "campaigns"}, name="report-campaigns"),
    path("rows/", admin.site.admin_view(rows_page), name="report-rows"),
    path("export/", admin.site.admin_view(export_page), name="report-export"),
    path("contradictions/", admin.site.admin_view(contradictions.page), name="report-contradictions"),
    path("data-health/", admin.site.admin_view(data_health.page), name="report-data-health"),
    path("restatements/", admin.site.admin_view(restatements.page), name="report-restatements"),
    path("metrics/", admin.site.admin_view(metrics_page), name="report-metrics"),
]
