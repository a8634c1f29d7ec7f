"""Users, their tokens and their failed logins."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.authtoken.admin import TokenAdmin
from rest_framework.authtoken.models import TokenProxy
from unfold.forms import AdminPasswordChangeForm

from contacts.models import Team
from contacts.selectors.viewing import mark_sight, viewer_of
from contacts.services.agents import add_agent
from contacts.services.membership import set_agent, set_teams
from desk.base.chips import ChipChangeList
from desk.base.model_admin import ORIGIN, RecordAdmin, StaffAdmin
from desk.people.delegation import NoMoreThanOnesOwn, people_to_change
from desk.people.person_form import NewPersonForm, PersonForm, withheld
from desk.templatetags.labelcrm import flag, moment, person
from labelcrm.core import audit
from labelcrm.core.models import User
from labelcrm.core.roles import role_title
from labelcrm.core.viewer import Viewer

for model in (TokenProxy, AccessAttempt, AccessFailureLog, AccessLog):  # theirs do not look like ours
    if admin.site.is_registered(model):
        admin.site.unregister(model)

LISTS = ("groups", "permissions", "like")


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


@admin.register(User)
class StaffUserAdmin(NoMoreThanOnesOwn, AuditedAdmin, UserAdmin):
    form = PersonForm
    add_form = NewPersonForm
    add_form_template = None
    change_password_form = AdminPasswordChangeForm
    change_form_before_template = "people/person_warning.html"
    list_display = ("who", "roles", "teams_shown", "agent_shown", "can_log_in", "seen")
    card = ("who", "roles", "teams_shown", "seen")
    list_filter = ("groups", "is_active")
    search_fields = ("username", "first_name", "last_name", "email")
    search_help_text = gettext_lazy("Name, login or e-mail")
    ordering = ("username",)
    filter_horizontal = ()
    readonly_fields = ("password_shown", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": (("name", "username"), ("email", "language"), "password_shown")}),
        (gettext_lazy("What they may do"), {"fields": ("groups",)}),
        (gettext_lazy("Whom they see"), {"fields": ("teams", "agent", "new_agent")}),
        (gettext_lazy("Access"), {"fields": ("is_active", ("last_login", "date_joined"))}),
        (gettext_lazy("Rarely needed"), {"classes": ("collapse",), "fields": ("is_staff", "is_superuser")}),
    )
    fieldsets_to_read = (
        (None, {"fields": (("who", "username"), ("email", "language"))}),
        (gettext_lazy("What they may do"), {"fields": ("roles",)}),
        (gettext_lazy("Whom they see"), {"fields": ("teams_shown", "agent_shown")}),
        (gettext_lazy("Access"), {"fields": ("is_active", ("last_login", "date_joined"))}),
    )
    add_fieldsets = (
        (None, {"fields": (("name", "username"), ("email", "language"), "password")}),
        *fieldsets[1:3],
    )

    # -- List ---------------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With what the list says of each, in a query per kind."""
        teams = Prefetch("teams", queryset=Team.objects.order_by("name"))
        rows = mark_sight(super().get_queryset(request)).select_related("agent__team")
        return rows.prefetch_related("groups", teams)

    @admin.display(description=gettext_lazy("name"), ordering="first_name")
    def who(self, user: User) -> str:
        name = person(user)
        login = user.get_username()
        if name == login:
            return name
        return format_html('{} <small class="lc-under">{}</small>', name, login)

    @admin.display(description=gettext_lazy("role"))
    def roles(self, user: User) -> str:
        titles = [role_title(group.name) for group in user.groups.all()]
        if user.is_superuser and not titles:
            return _("superuser")
        return ", ".join(titles) or flag(_("no role"), "warn")

    @admin.display(description=gettext_lazy("teams"))
    def teams_shown(self, row: Any) -> str:
        """Those they are a member of and the one of the CS they are; a warning where their role needs one."""
        if row.is_in_no_team:
            return flag(_("in no team"), "bad")
        agent = getattr(row, "agent", None)
        names = {team.name for team in row.teams.all()}
        if agent is not None and agent.team is not None and not agent.team.is_archived:
            names.add(agent.team.name)
        nothing = _("sees every team") if row.sees_every_team else self.get_empty_value_display()
        return ", ".join(sorted(names)) or nothing

    @admin.display(description="CS")
    def agent_shown(self, user: User) -> str:
        agent = getattr(user, "agent", None)
        if agent is None:
            return self.get_empty_value_display()
        return _("%(name)s (archived)") % {"name": agent.name} if agent.is_archived else str(agent.name)

    @admin.display(description=gettext_lazy("may log in"), boolean=True, ordering="is_active")
    def can_log_in(self, user: User) -> bool:
        return user.is_active

    @admin.display(description=gettext_lazy("last login"), ordering="last_login")
    def seen(self, user: User) -> str:
        return moment(user.last_login) if user.last_login else _("never")

    # -- Form ---------------------------------------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("password"))
    def password_shown(self, user: User) -> str:
        url = reverse("admin:auth_user_password_change", args=(user.pk,))
        return format_html('<a class="lc-link" href="{}">{}</a>', url, _("Give a new password"))

    def within_reach(self, viewer: Viewer) -> QuerySet[Any]:
        """Who may do more is only read: whoever changed their login or password could be them."""
        return people_to_change(viewer)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.viewer = viewer_of(request.user)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the choices that this user may not make; for who only reads, as the list says it."""
        if obj is not None and not self.has_change_permission(request, obj):
            return self.fieldsets_to_read
        hidden = withheld(viewer_of(request.user))
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in super().get_fieldsets(request, obj)
            if not hidden.issuperset(options["fields"])
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only a superuser makes superusers."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else (*fields, "is_superuser")

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What only a service could know to be wrong, such as a CS whom somebody else just gave a login."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self._save_membership(request.user, form)
        saved = _with_marks(form.instance)
        if change and saved.is_in_no_team:
            self.message_user(request, teamless_warning(saved), messages.WARNING)

    def _save_membership(self, actor: Any, form: Any) -> None:
        given, person = form.cleaned_data, form.instance
        if "teams" in form.changed_data:
            among = form.fields["teams"].queryset
            set_teams(person, given["teams"], among=among, actor=actor, origin=ORIGIN)
        agent = given.get("agent")
        if given.get("new_agent"):
            team = next(iter(given.get("teams") or ()), None)
            agent = add_agent(name=given["name"], team=team, actor=actor, origin=ORIGIN)
        if "agent" in form.changed_data or given.get("new_agent"):
            set_agent(person, agent, actor=actor, origin=ORIGIN)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """One button for somebody new: what comes next offers the rest."""
        if context.get("original") is None:
            context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """What to hand to the new person. It is the answer itself: a password is kept in no message and no cookie."""
        saved = _with_marks(obj)
        context = {
            **self.admin_site.each_context(request),
            "title": person(saved),
            "opts": self.opts,
            "person": saved,
            "password": obj.made_password,
            "address": request.build_absolute_uri(reverse("admin:index")),
            "roles": saved.groups.all(),
            "warning": teamless_warning(saved) if saved.is_in_no_team else "",
        }
        return TemplateResponse(request, "people/added.html", context, headers={"Cache-Control": "no-store"})


def _with_marks(user: User) -> Any:
    """The user as stored now, with `is_in_no_team`."""
    return mark_sight(User.objects.filter(pk=user.pk)).get()


def teamless_warning(user: User) -> str:
    return _("%(name)s is in no team and so sees no team's contacts. Choose a team, or a CS who is in one.") % {
        "name": person(user)
    }


def _token_name(token: TokenProxy) -> str:
    return _("token of %(user)s") % {"user": token.user}


# The framework names a token by its key, which would end up in titles, messages and the log of the admin.
TokenProxy.__str__ = _token_name  # type: ignore[method-assign, assignment]


class TokenList(ChipChangeList):
    """Names a token by its user: its key is its secret and belongs into no address."""

    def url_for_result(self, result: TokenProxy) -> str:
        return reverse("admin:authtoken_tokenproxy_change", args=(result.user_id,))


@admin.register(TokenProxy)
class ApiTokenAdmin(StaffAdmin, TokenAdmin):
    """API tokens: shown once, when they are made; taking one back is the one deletion there is."""

    list_display = ("user", "created")
    empty_help = gettext_lazy("A token lets a program read and write through the API with the rights of one user.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChipChangeList]:
        return TokenList

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("authtoken.delete_tokenproxy"))

    def formfield_for_foreignkey(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """A token does what its user may do: it is made for nobody who may more than who makes it."""
        if db_field.name == "user" and not request.user.is_superuser:
            kwargs["queryset"] = people_to_change(viewer_of(request.user))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

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
