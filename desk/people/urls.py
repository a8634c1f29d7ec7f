"""The pages of handovers, below /admin/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from desk.people import handover

urlpatterns = [
    path("handovers/of/<int:pk>/", admin.site.admin_view(handover.hand_over_page), name="hand-over"),
    path("handovers/", admin.site.admin_view(handover.handover_list), name="handovers"),
    path("handovers/<int:pk>/", admin.site.admin_view(handover.handover_page), name="handover"),
    path("handovers/<int:pk>/undo/", admin.site.admin_view(handover.undo), name="handover-undo"),
]
