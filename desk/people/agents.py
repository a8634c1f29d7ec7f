"""Agents and teams."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Channel, ChannelOwnership, Team
from contacts.selectors.viewing import viewer_of
from contacts.services import agents
from contacts.services.membership import record_members
from desk.base.filters import VisibleDropdownFilter
from desk.base.model_admin import ORIGIN, ArchivableAdmin, EditingAdmin
from desk.people import handover
from desk.people.delegation import people_to_change
from labelcrm.core.models import User
from labelcrm.core.viewer import Viewer


def logins_to_give(viewer: Viewer) -> QuerySet[User]:
    """Whose login this viewer may make an agent's: members of their teams who may do no more than they may.

    What is an agent's is seen by its login, and who is an archived agent's is shut out.
    """
    if viewer.everything:
        return User.objects.all()
    members = Team.members.through.objects.filter(team_id__in=viewer.teams)
    return people_to_change(viewer).filter(pk__in=members.values("user_id"))


class LoginsAdmin(EditingAdmin, ArchivableAdmin):
    """Rows that users are chosen for. A new one is made on their own page, which hands out the password."""

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.related_model is User:
            field.widget.can_add_related = False
        return field


@admin.register(Agent)
class AgentAdmin(LoginsAdmin):
    list_display = ("name", "code", "team", "user", "channels_now", "archived_at")
    list_filter = (("team", VisibleDropdownFilter),)
    list_select_related = ("team", "user")
    search_fields = ("name", "code")
    search_help_text = _("Name or code")
    autocomplete_fields = ("team", "user")
    fields = ("name", "code", "team", "user", "over_time", "handed_over")
    readonly_fields = ("over_time", "handed_over")
    empty_help = _("Agents are the CS who answer chats. Add one per person; a login (“user”) is optional.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        seen = ChannelOwnership.objects.filter(channel__in=Channel.all_objects.visible_to(viewer_of(request.user)))
        owned = Prefetch("ownerships", queryset=seen.select_related("channel"))
        return super().get_queryset(request).prefetch_related(owned)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """An archived agent shuts its login out: nobody is given to one."""
        return (*self.readonly_fields, "user") if obj is not None and obj.is_archived else self.readonly_fields

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        if "user" in form.base_fields:
            logins = logins_to_give(viewer_of(request.user))
            present = Q(pk=obj.user_id) if obj is not None and obj.user_id else Q()
            form.base_fields["user"].queryset = User.objects.filter(Q(pk__in=logins.values("pk")) | present)
        return form

    @admin.display(description=_("channels now"))
    def channels_now(self, agent: Agent) -> str:
        return ", ".join(sorted({own.channel.name for own in agent.ownerships.all() if own.until is None})) or "–"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who reads reports, or is this agent, finds the way to the figures, a lead the way to handing over."""
        may = {
            "over_time": obj is not None
            and (request.user.has_perm("reports.view_report") or obj.user_id == request.user.pk),
            "handed_over": obj is not None and request.user.has_perms(handover.MAY),
        }
        return [name for name in self.fields if may.get(name, True)]

    @admin.display(description=_("CS quality"))
    def over_time(self, agent: Agent) -> str:
        words = _("%(name)s week by week") % {"name": agent.name}
        return format_html('<a class="lc-link" href="{}">{}</a>', reverse("report-agent", args=[agent.pk]), words)

    @admin.display(description=_("when this CS leaves"))
    def handed_over(self, agent: Agent) -> str:
        words = _("Hand over what %(name)s has open") % {"name": agent.name}
        return format_html('<a class="lc-link" href="{}">{}</a>', reverse("hand-over", args=[agent.pk]), words)

    @admin.display(description=_("archived"))
    def archived_at(self, agent: Agent) -> Any:
        return agent.deleted_at

    def create(self, *, actor: Any, **values: Any) -> Agent:
        return agents.create_agent(actor=actor, origin=ORIGIN, **values)

    def change(self, obj: Agent, *, actor: Any, **values: Any) -> Agent:
        return agents.update_agent(obj, actor=actor, origin=ORIGIN, **values)

    def archive(self, obj: Agent, *, actor: Any) -> None:
        agents.archive_agent(obj, actor=actor, origin=ORIGIN)

    def restore(self, obj: Agent, *, actor: Any) -> None:
        agents.restore_agent(obj, actor=actor, origin=ORIGIN)


@admin.register(Team)
class TeamAdmin(LoginsAdmin):
    list_display = ("name", "agents_shown", "channels_shown", "members_shown")
    search_fields = ("name",)
    autocomplete_fields = ("members",)
    fields = ("name", "members")
    empty_help = _("A team groups agents and numbers. CS and CS leads see the rows of the teams they are members of.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows.annotate(
            agent_count=Count("agents", distinct=True, filter=Q(agents__deleted_at__isnull=True)),
            channel_count=Count("channels", distinct=True, filter=Q(channels__deleted_at__isnull=True)),
            member_count=Count("members", distinct=True),
        )

    @admin.display(description=_("agents"))
    def agents_shown(self, team: Any) -> int:
        return team.agent_count

    @admin.display(description=_("channels"))
    def channels_shown(self, team: Any) -> int:
        return team.channel_count

    @admin.display(description=_("users"))
    def members_shown(self, team: Any) -> int:
        return team.member_count

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if "members" in form.changed_data:  # membership decides who sees what
            record_members(form.instance, actor=request.user, origin=ORIGIN)

    def create(self, *, actor: Any, **values: Any) -> Team:
        return agents.create_team(actor=actor, origin=ORIGIN, **values)

    def change(self, obj: Team, *, actor: Any, **values: Any) -> Team:
        return agents.update_team(obj, actor=actor, origin=ORIGIN, **values)

    def archive(self, obj: Team, *, actor: Any) -> None:
        agents.archive_team(obj, actor=actor, origin=ORIGIN)

    def restore(self, obj: Team, *, actor: Any) -> None:
        agents.restore_team(obj, actor=actor, origin=ORIGIN)
