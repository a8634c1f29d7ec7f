"""Where somebody lands who names no page: a CS on what waits for them, everybody else at home."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.cache import never_cache

from contacts.selectors.viewing import viewer_of
from desk.today.waiting_list import leads, may_open


def landing(user: Any) -> str:
    """The address of the page that a user begins with."""
    if user.is_authenticated and user.is_active:
        viewer = viewer_of(user)
        if may_open(viewer) and not leads(viewer, user):
            return reverse("today")
    return reverse("admin:index")


def start(request: HttpRequest) -> HttpResponse:
    """The bare address of the site."""
    return HttpResponseRedirect(landing(request.user))


@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """Django's, except for where it leads whom no page had sent here."""
    response = admin.site.login(request)
    if isinstance(response, HttpResponseRedirect) and response.url == reverse("admin:index"):
        return HttpResponseRedirect(landing(request.user))
    return response


urlpatterns = [
    path("", start),
    path("admin/login/", login),
]
