"""Choosing an agent or a team that exists, or making a new one: two fields, never one text that might mean either.

A text that named both took over whoever bore the name, in whatever team. What is chosen comes from what the reader
sees; what is typed is always new, and refused where the reader sees one of that name already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from contacts.models import Agent, Team
from contacts.selectors.viewing import own_teams, viewer_of
from contacts.services.agents import spaced
from labelcrm.core.viewer import Viewer


class AgentField(forms.ModelChoiceField):
    """A living agent, with the team beside the name, and the code where several are called the same."""

    names: Counter[str] = Counter()

    def offer(self, agents: QuerySet[Agent]) -> None:
        self.queryset = agents
        self.names = Counter(agent.name for agent in agents)

    def label_from_instance(self, agent: Any) -> str:
        name = f"{agent.name} · {agent.team.name}" if agent.team is not None else str(agent.name)
        return f"{name} ({agent.code})" if self.names[agent.name] > 1 else name


class AgentChoice(forms.Form):
    """`agent` (an Agent) or `new_agent` (a name); the latter only for who may add agents."""

    agent = AgentField(
        label=gettext_lazy("Whose number is it?"),
        queryset=Agent.objects.none(),
        required=False,
        empty_label=gettext_lazy("nobody yet"),
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("Labels on this number count as this person's work."),
    )
    new_agent = forms.CharField(
        label=gettext_lazy("Or a new CS"),
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Rina", "autocomplete": "off"}),
        help_text=gettext_lazy("A name that is not in the list above."),
    )
    MAY_ADD: ClassVar[dict[str, str]] = {"new_agent": "contacts.add_agent"}

    def offer(self, user: Any, *, first: Iterable[int] = ()) -> None:
        """Offer what this user sees, the agents of the teams `first` (else of their own) before the others."""
        self.viewer = viewer_of(user)
        own = list(first) or own_teams(user)
        field: Any = self.fields["agent"]
        field.offer(_sorted(Agent.objects.visible_to(self.viewer), own=own))
        for name, permission in self.MAY_ADD.items():
            if not self.viewer.may(permission):
                del self.fields[name]

    def clean_new_agent(self) -> str:
        name = spaced(self.cleaned_data["new_agent"])
        if name and not any(letter.isalnum() for letter in name):
            raise ValidationError(_("A name needs at least one letter or digit."))
        known = Agent.objects.visible_to(self.viewer).filter(name__iexact=name).select_related("team").first()
        if name and known is not None:
            raise ValidationError(_already(known))
        if name and self.cleaned_data.get("agent") is not None:
            raise ValidationError(_("Choose from the list or type a new name, not both."))
        return name


class TeamChoice(forms.Form):
    """`team` (a Team) or `new_team` (a name)."""

    team: Any = forms.ModelChoiceField(
        label=gettext_lazy("Team"),
        queryset=Team.objects.none(),
        required=False,
        empty_label=gettext_lazy("no team"),
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("Its members see this number and its contacts."),
    )
    new_team = forms.CharField(
        label=gettext_lazy("Or a new team"),
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Sales", "autocomplete": "off"}),
    )

    def offer_teams(self, viewer: Viewer) -> None:
        self.viewer = viewer
        field: Any = self.fields["team"]
        field.queryset = Team.objects.visible_to(viewer)

    def clean_new_team(self) -> str:
        name = spaced(self.cleaned_data["new_team"])
        known = Team.objects.visible_to(self.viewer).filter(name__iexact=name).first()
        if name and known is not None:
            raise ValidationError(_("There is a team “%(name)s” already: choose it above.") % {"name": known.name})
        if name and Team.objects.filter(name=name).exists():  # of others, who are not named here
            raise ValidationError(_("This name is taken: choose another."))
        if name and self.cleaned_data.get("team") is not None:
            raise ValidationError(_("Choose from the list or type a new name, not both."))
        return name


def _sorted(agents: QuerySet[Agent], *, own: list[int]) -> QuerySet[Agent]:
    rank = Case(When(team_id__in=own, then=Value(0)), default=Value(1), output_field=IntegerField())
    return agents.select_related("team").order_by(rank, "name", "pk")


def _already(known: Agent) -> str:
    if known.team is None:
        sentence = _("There is a CS “%(name)s” already: choose them above, or add something to this name.")
        return sentence % {"name": known.name}
    sentence = _("There is a CS “%(name)s” in %(team)s already: choose them above, or add something to this name.")
    return sentence % {"name": known.name, "team": known.team.name}
