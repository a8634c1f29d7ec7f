"""A person who logs in, on one page: what they are called, what they may do, whom they see and which CS they are."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django import forms
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordToggleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from contacts.models import Agent, Team
from contacts.selectors.membership import agents_to_be, teams_of
from contacts.services.agents import spaced
from desk.connection.choosing import AgentField
from desk.people.abilities import in_short, rights_by_role, roles_in_order
from desk.people.delegation import roles_to_change
from labelcrm.core.models import User
from labelcrm.core.roles import role_title
from labelcrm.core.viewer import Viewer

# Without letters and digits that are taken for each other when somebody reads them out.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_password() -> str:
    """A password to begin with, such as "k7fm-w2xp-9dqa": 59 random bits in twelve letters that one can read out."""
    return "-".join("".join(secrets.choice(LETTERS) for _letter in range(4)) for _part in range(3))


NEEDS = {"teams": "contacts.change_team", "agent": "contacts.change_agent", "new_agent": "contacts.add_agent"}


def withheld(viewer: Viewer) -> set[str]:
    """The choices of the form that are not this viewer's to make."""
    return {name for name, right in NEEDS.items() if not viewer.may(right)}


class RoleField(forms.ModelChoiceField):
    """One role. The value is a list of it, which is what a user has."""

    def clean(self, value: Any) -> Any:
        group = super().clean(value)
        return [group] if group is not None else []


def offer_roles(field: Any, viewer: Viewer) -> None:
    """Offer the roles that are the viewer's to give, with what each may do below its name."""
    rights = rights_by_role(Group.objects.all())

    def label(group: Group) -> str:
        short = in_short(rights.get(group.pk, frozenset()))
        return format_html('{}<small class="lc-choice-help">{}</small>', role_title(group.name), short)

    field.label_from_instance = label
    field.queryset = roles_in_order().filter(pk__in=roles_to_change(viewer))


class PersonForm(forms.ModelForm):
    """What may be changed about a person. `viewer`, who fills it in, is set on the class that a page makes of this.

    Teams and CS are offered to who may change these, and of them what they see.
    """

    viewer: Viewer

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=150,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("As colleagues call them."),
    )
    groups: Any = RoleField(
        label=gettext_lazy("Role"),
        queryset=Group.objects.none(),
        required=False,
        empty_label=None,
        widget=UnfoldAdminRadioSelectWidget(),
    )
    teams: Any = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Teams"),
        queryset=Team.objects.none(),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=gettext_lazy("Whom CS and CS leads see. The team of the CS they are is seen in any case."),
    )
    agent = AgentField(
        label=gettext_lazy("Which CS are they?"),
        queryset=Agent.objects.none(),
        required=False,
        empty_label=gettext_lazy("none: does not answer chats"),
        widget=UnfoldAdminSelectWidget(),
        help_text=gettext_lazy("Labels on this CS's numbers count as this person's work."),
    )
    new_agent = forms.BooleanField(
        label=gettext_lazy("Or a new CS"),
        required=False,
        widget=UnfoldBooleanWidget,
        help_text=gettext_lazy("Of the name above, in the first team chosen."),
    )

    class Meta:
        model = User
        fields = ("username", "email", "language", "groups", "is_active", "is_staff", "is_superuser")
        help_texts: ClassVar[dict[str, Any]] = {
            "username": gettext_lazy("What they log in with, such as rina: letters, digits and @ . + - _"),
            "is_active": gettext_lazy("Off: this login does not work any more. Nothing they did is lost."),
            "is_staff": gettext_lazy("Off: may use the API with a token, and none of these pages."),
        }
        labels: ClassVar[dict[str, Any]] = {
            "username": gettext_lazy("Login"),
            "is_active": gettext_lazy("May log in"),
            "is_staff": gettext_lazy("May open these pages"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["name"] = self.instance.get_full_name()
        for name in withheld(self.viewer):
            del self.fields[name]
        self._offer_roles()
        self._offer_teams()
        self._offer_agents()

    def _offer_roles(self) -> None:
        held: list[Group] = list(self.initial.get("groups") or [])
        if len(held) > 1:  # of somebody who has several roles none is lost
            self.fields["groups"] = forms.ModelMultipleChoiceField(
                queryset=Group.objects.none(),
                label=_("Roles"),
                required=False,
                widget=UnfoldAdminCheckboxSelectMultipleWidget(),
            )
        else:
            self.initial["groups"] = held[0].pk if held else None
        offer_roles(self.fields["groups"], self.viewer)

    def _offer_teams(self) -> None:
        if "teams" not in self.fields:
            return
        field: Any = self.fields["teams"]
        field.queryset = Team.objects.visible_to(self.viewer)
        if self.instance.pk:
            self.initial["teams"] = list(teams_of(self.instance).visible_to(self.viewer))
        if not field.queryset.exists():
            field.help_text = _("There is no team yet. Add one under Teams.")

    def _offer_agents(self) -> None:
        if "agent" not in self.fields:
            return
        own = Agent.objects.filter(user=self.instance.pk) if self.instance.pk else Agent.objects.none()
        field: Any = self.fields["agent"]
        # The one they are is offered to who does not see that CS too: saving must not take it away.
        field.offer(agents_to_be(self.instance).visible_to(self.viewer) | own.select_related("team"))
        self.initial["agent"] = own.values_list("pk", flat=True).first()

    def clean_name(self) -> str:
        return spaced(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if "name" in self.changed_data and "name" in given:
            self.instance.first_name, self.instance.last_name = given["name"], ""
        if given.get("new_agent"):
            self._check_new_agent(given)
        return given

    def _check_new_agent(self, given: dict[str, Any]) -> None:
        if given.get("agent") is not None:
            self.add_error("new_agent", _("Choose a CS from the list or make a new one, not both."))
        elif not given.get("name"):
            self.add_error("name", _("A new CS needs a name."))
        elif Agent.objects.visible_to(self.viewer).filter(name__iexact=given["name"]).exists():
            sentence = _("There is a CS “%(name)s” already: choose them above, or add something to this name.")
            self.add_error("new_agent", sentence % {"name": given["name"]})


class NewPersonForm(PersonForm):
    """A new person, who needs a name, a role and a password, which is made where none is typed."""

    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        required=False,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Empty: one is made, and shown once after saving."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = self.fields["groups"].required = True

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        password = self.cleaned_data.get("password", "")
        if password:
            try:
                validate_password(password, self.instance)
            except ValidationError as error:
                self.add_error("password", error)

    def save(self, commit: bool = True) -> Any:
        """The new user; `made_password` of it is the password that was made, "" where one was typed."""
        user: Any = super().save(commit=False)
        user.made_password = "" if self.cleaned_data["password"] else new_password()
        user.set_password(self.cleaned_data["password"] or user.made_password)
        user.is_staff = True  # every page here asks for it
        if commit:
            user.save()
            self.save_m2m()
        return user
