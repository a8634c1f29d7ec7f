"""The admin's site: unfold's, except that the list of all models is made only where a page shows it.

Django puts that list into the context of every page, and asks four permissions about every model for it. Our menu is
another (desk/theme.py), so hardly a page shows it.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite


class DeskSite(UnfoldAdminSite):
    """The site that everything registers with."""

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        if app_label is not None:  # a page of its own, that answers 404 where the list is empty
            return super().get_app_list(request, app_label)
        whole = super().get_app_list
        return SimpleLazyObject(lambda: whole(request))


class DeskAdminConfig(AdminConfig):
    """Django's admin, with our site."""

    default_site = "desk.site.DeskSite"
