"""Who may do what through the API: Django's model permissions, asked for reading too.

Which rows somebody sees is not decided here but in the querysets (`visible_to`), so that a foreign row is
not found rather than forbidden.
"""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import DjangoModelPermissions
from rest_framework.request import Request


class ModelPermissions(DjangoModelPermissions):
    """`view_`, `add_`, `change_` and `delete_` of the view's model, by method.

    A view with other actions names what each needs, as `perms_map` does: `action_permissions = {"replay": [...]}`.
    """

    perms_map = {
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "OPTIONS": ["%(app_label)s.view_%(model_name)s"],
        "POST": ["%(app_label)s.add_%(model_name)s"],
        "PUT": ["%(app_label)s.change_%(model_name)s"],
        "PATCH": ["%(app_label)s.change_%(model_name)s"],
        "DELETE": ["%(app_label)s.delete_%(model_name)s"],
    }

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = getattr(view, "action_permissions", {}).get(getattr(view, "action", None))
        if needed is None:
            return super().has_permission(request, view)
        names = {"app_label": view.queryset.model._meta.app_label, "model_name": view.queryset.model._meta.model_name}
        user = request.user
        return bool(user and user.is_authenticated and user.has_perms([code % names for code in needed]))
