"""Users, their tokens and their failed logins."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.authtoken.admin import TokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from desk.base.model_admin import RecordAdmin, StaffAdmin, StaffChangeList
from labelcrm.core import audit
from labelcrm.core.models import User
from labelcrm.core.roles import role_title

for model in (TokenProxy, AccessAttempt, AccessFailureLog, AccessLog):  # theirs do not look like ours
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class AuditedAdmin(StaffAdmin):
    """Who may do what is on record: which fields changed, and into which roles; never a password."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        action = f"{self.opts.model_name}.{'changed' if change else 'created'}"
        chosen = {
            name: [_code(each) for each in form.cleaned_data[name]] for name in LISTS if name in form.changed_data
        }
        audit.record(actor=request.user, action=action, obj=form.instance, fields=sorted(form.changed_data), **chosen)


def _code(chosen: Group | Permission) -> str:
    """The trail is for every language: codes, not titles."""
    return chosen.name if isinstance(chosen, Group) else f"{chosen.content_type.app_label}.{chosen.codename}"


LISTS = ("groups", "permissions", "user_permissions")


@admin.register(User)
class StaffUserAdmin(AuditedAdmin, UserAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "full_name", "roles", "language", "is_active", "last_login")
    list_filter = ("groups", "is_active")
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (gettext_lazy("Person"), {"fields": (("first_name", "last_name"), "email", "language")}),
        (gettext_lazy("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        (gettext_lazy("Times"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "password1", "password2")}),
        (gettext_lazy("Rights"), {"fields": ("is_staff", "groups")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description=gettext_lazy("name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description=gettext_lazy("roles"))
    def roles(self, user: User) -> str:
        return ", ".join(role_title(group.name) for group in user.groups.all())

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Every page here asks for staff: a new user without it could do nothing but wonder why."""
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only a superuser makes superusers."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else (*fields, "is_superuser")


def _token_name(token: TokenProxy) -> str:
    return _("token of %(user)s") % {"user": token.user}


# The framework names a token by its key, which would end up in titles, messages and the log of the admin.
TokenProxy.__str__ = _token_name  # type: ignore[method-assign, assignment]


class TokenList(StaffChangeList):
    """Names a token by its user: its key is its secret and belongs into no address."""

    def url_for_result(self, result: TokenProxy) -> str:
        return reverse("admin:authtoken_tokenproxy_change", args=(result.user_id,))


@admin.register(TokenProxy)
class ApiTokenAdmin(StaffAdmin, TokenAdmin):
    """API tokens: shown once, when they are made; taking one back is the one deletion there is."""

    list_display = ("user", "created")
    empty_help = gettext_lazy("A token lets a program read and write through the API with the rights of one user.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[StaffChangeList]:
        return TokenList

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("authtoken.delete_tokenproxy"))

    def save_model(self, request: HttpRequest, obj: TokenProxy, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        audit.record(actor=request.user, action="token.created", for_user=obj.user.get_username())
        sentence = _("The token of %(user)s, shown this once: %(key)s") % {"user": obj.user, "key": obj.key}
        self.message_user(request, sentence, messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: TokenProxy) -> None:
        audit.record(actor=request.user, action="token.revoked", for_user=obj.user.get_username())
        super().delete_model(request, obj)


@admin.register(AccessAttempt)
class LoginAttemptAdmin(RecordAdmin):
    """Failed logins, and who is locked out for how many tries."""

    empty_help = gettext_lazy("Good: nobody has failed to log in lately.")

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    search_fields = ("username", "ip_address")
    fields = readonly_fields = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent")
