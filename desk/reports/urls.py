"""The pages of reports, below /admin/reports/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from desk.reports import contradictions, data_health, looking, restatements
from desk.reports.agent_page import agent_page
from desk.reports.before_after_page import before_after_page
from desk.reports.label_budget_page import label_budget_page
from desk.reports.movement_page import movement_page
from desk.reports.overview_page import overview_page
from desk.reports.quality_columns import choose_columns
from desk.reports.quality_pages import metrics_page, quality_page
from desk.reports.rows_page import export_page, rows_page
from desk.reports.second_look import draw_sample, second_look_page
from desk.reports.stale_page import stale_page
from desk.reports.unusual_page import unusual_page

urlpatterns = [
    path("overview/", admin.site.admin_view(overview_page), name="report-overview"),
    path("movement/", admin.site.admin_view(movement_page), name="report-movement"),
    path("agents/", admin.site.admin_view(quality_page), {"name": "agents"}, name="report-agents"),
    path("agents/<int:pk>/", admin.site.admin_view(agent_page), name="report-agent"),
    path("agents/before-after/", admin.site.admin_view(before_after_page), name="report-before-after"),
    path("agents/columns/", admin.site.admin_view(choose_columns), name="report-agents-columns"),
    path("campaigns/", admin.site.admin_view(quality_page), {"name": "campaigns"}, name="report-campaigns"),
    path("second-look/", admin.site.admin_view(second_look_page), name="report-second-look"),
    path("second-look/draw/", admin.site.admin_view(draw_sample), name="second-look-draw"),
    path("second-look/<int:pk>/", admin.site.admin_view(looking.look_page), name="second-look"),
    path("second-look/<int:pk>/choose/", admin.site.admin_view(looking.choose), name="second-look-choose"),
    path("second-look/<int:pk>/undo/", admin.site.admin_view(looking.undo), name="second-look-undo"),
    path("second-look/chat/<int:pk>/", admin.site.admin_view(looking.chat_page), name="second-look-chat"),
    path("rows/", admin.site.admin_view(rows_page), name="report-rows"),
    path("export/", admin.site.admin_view(export_page), name="report-export"),
    path("contradictions/", admin.site.admin_view(contradictions.page), name="report-contradictions"),
    path("contradictions/count/", admin.site.admin_view(contradictions.count), name="report-contradictions-count"),
    path("contradictions/act/", admin.site.admin_view(contradictions.act), name="report-contradictions-act"),
    path("label-budget/", admin.site.admin_view(label_budget_page), name="report-label-budget"),
    path("unusual/", admin.site.admin_view(unusual_page), name="report-unusual"),
    path("stale/", admin.site.admin_view(stale_page), name="report-stale"),
    path("data-health/", admin.site.admin_view(data_health.page), name="report-data-health"),
    path("restatements/", admin.site.admin_view(restatements.page), name="report-restatements"),
    path("restatements/count/", admin.site.admin_view(restatements.counted), name="report-restatements-count"),
    path("metrics/", admin.site.admin_view(metrics_page), name="report-metrics"),
]
