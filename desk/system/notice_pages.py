"""The addresses of the notices above every page: what has come since, and that one was seen."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from desk.templatetags.notice_strip import strip
from labelcrm.core import notices


@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """What an open page asks for while its reader waits for work; it stops asking when the work is done."""
    user: Any = request.user
    back = request.headers.get("Referer", "")
    context = strip(user, asks=bool(getattr(user, "unfinished_jobs", 0)), back=back)
    return TemplateResponse(request, "notices/rows.html", context)


@require_POST
def seen(request: HttpRequest, pk: int) -> HttpResponse:
    """Put one's notice away, and go back to where it stood."""
    notices.put_away(request.user, pk)
    back = request.POST.get("back", "")
    allowed = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(back if allowed else reverse("admin:index"))


urlpatterns = [
    path("notices/", admin.site.admin_view(rows), name="notices"),
    path("notices/<int:pk>/seen/", admin.site.admin_view(seen), name="notice-seen"),
]
