"""Roles: what each may do, in sentences; who may change that finds the single rights below."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminRadioSelectWidget

from contacts.selectors.viewing import viewer_of
from desk.people.abilities import areas, in_short, rights_by_role, roles_in_order
from desk.people.delegation import NoMoreThanOnesOwn, permissions_held, roles_to_change
from desk.people.person_form import RoleField, offer_roles
from desk.people.users import AuditedAdmin
from labelcrm.core.models import User
from labelcrm.core.roles import ROLES, role_title
from labelcrm.core.viewer import Viewer

OUR_APPS = ("contacts", "labels", "webhooks", "reports", "core", "auth", "authtoken")

admin.site.unregister(Group)


def _role_name(group: Group) -> str:
    return str(role_title(group.name))


# The framework calls a role by its code, "cs_lead", which is for programs.
Group.__str__ = _role_name  # type: ignore[method-assign, assignment]


VERBS = {
    "view": gettext_lazy("see"),
    "add": gettext_lazy("add"),
    "change": gettext_lazy("change"),
    "delete": gettext_lazy("archive or delete"),
}


def permission_title(permission: Permission) -> str:
    """A permission in words: "channel: change"; one of our own by its name."""
    thing, (verb, _under, model) = permission.content_type, permission.codename.partition("_")
    title = VERBS[verb] if verb in VERBS and model == thing.model else _(permission.name)
    return f"{thing.name}: {title}"


class NewRoleForm(forms.ModelForm):
    """A role of one's own, which begins as another. `viewer`, who fills it in, is set as on `PersonForm`."""

    viewer: Viewer

    like = RoleField(
        label=gettext_lazy("May do the same as"),
        queryset=Group.objects.none(),
        empty_label=None,
        widget=UnfoldAdminRadioSelectWidget(),
        help_text=gettext_lazy("Once it is saved, its page says what it may do, and lets you change that."),
    )

    class Meta:
        model = Group
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_roles(self.fields["like"], self.viewer)


@admin.register(Group)
class RoleAdmin(NoMoreThanOnesOwn, AuditedAdmin, GroupAdmin):
    list_display = ("title", "may", "people")
    card = ("title", "people", "may")
    list_display_links = ("title",)
    search_fields = ()
    ordering = ()
    filter_horizontal = ()
    change_form_template = "people/role.html"
    empty_help = ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """In the order of the table of roles, with how many people have each."""
        having = Count("user", distinct=True, filter=Q(user__is_active=True))
        return roles_in_order().annotate(people_count=having)

    def within_reach(self, viewer: Viewer) -> QuerySet[Any]:
        """Roles that may more are only read."""
        return roles_to_change(viewer)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the rights of every role of the page, read at once."""
        changelist = super().get_changelist_instance(request)
        rights = rights_by_role(changelist.result_list)
        for group in changelist.result_list:
            group.rights = rights.get(group.pk, frozenset())
        return changelist

    @admin.display(description=gettext_lazy("role"))
    def title(self, group: Group) -> str:
        return role_title(group.name)

    @admin.display(description=gettext_lazy("may do"))
    def may(self, group: Any) -> str:
        return in_short(group.rights)

    @admin.display(description=gettext_lazy("people"))
    def people(self, group: Any) -> str:
        url = f"{reverse('admin:core_user_changelist')}?groups__id__exact={group.pk}"
        return format_html('<a class="lc-link" href="{}">{}</a>', url, group.people_count)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The six are known to the program by their names."""
        return ("name",) if obj is not None and obj.name in ROLES else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The single rights, folded, for who may change them; everybody reads the sentences above."""
        if obj is None:
            return [(None, {"fields": ("name", "like")})]
        if not self.has_change_permission(request, obj):
            return []
        return [(gettext_lazy("Single rights"), {"classes": ("collapse",), "fields": ("name", "permissions")})]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        form: Any = super().get_form(request, obj, change, form=NewRoleForm, **kwargs)
        form.viewer = viewer_of(request.user)
        return form

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change:
            form.instance.permissions.set(Permission.objects.filter(group__in=form.cleaned_data["like"]))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        group = context.get("original")
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        if group is not None:
            rights = rights_by_role([group]).get(group.pk, frozenset())
            context |= {
                "title": role_title(group.name),
                "subtitle": None,
                "areas": areas(rights),
                "people": User.objects.filter(groups=group, is_active=True).order_by("first_name", "username"),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """The permissions of our own models that are the reader's to give, in a box that shows what is chosen."""
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "permissions":
            held = permissions_held(viewer_of(request.user))
            field.queryset = field.queryset.filter(content_type__app_label__in=OUR_APPS, pk__in=held)
            field.widget.attrs["size"] = 24
            field.label_from_instance = permission_title
        return field
