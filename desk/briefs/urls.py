"""The addresses of morning briefs, below `/admin/` and in the admin's own namespace."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from desk.briefs import everybodys_briefs, my_brief

_page = admin.site.admin_view
urlpatterns = [
    path("my-brief/", _page(my_brief.page), name="my-brief"),
    path("my-brief/number/", _page(my_brief.ask_for_number), name="my-brief-number"),
    path("my-brief/number/confirm/", _page(my_brief.confirm_number), name="my-brief-confirm"),
    path("my-brief/number/remove/", _page(my_brief.remove_number), name="my-brief-remove"),
    path("my-brief/now/", _page(my_brief.send_now), name="my-brief-now"),
    path("briefs/", _page(everybodys_briefs.page), name="briefs"),
    path("briefs/<int:pk>/stop/", _page(everybodys_briefs.stop), name="briefs-stop"),
]
