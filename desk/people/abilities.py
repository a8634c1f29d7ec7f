"""What rights mean, in sentences: what a role may do is read from this table and not from a list of permissions.

The sentences follow the rights that a role has now, so they are true of roles that people changed or made themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db.models import Case, QuerySet, Value, When
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.selectors.viewing import SEES_EVERY_TEAM
from desk.theme import Text
from labelcrm.core.roles import ROLES


@dataclass(frozen=True, slots=True)
class RightInWords:
    """One thing that who has all of `rights` may do. `only_own_teams`: said of who does not see every team.

    `in_short` is for a line that has no room for all of them.
    """

    text: Text
    rights: tuple[str, ...]
    in_short: Text = ""
    only_own_teams: bool = False

    def is_given(self, rights: frozenset[str]) -> bool:
        return rights.issuperset(self.rights) and not (self.only_own_teams and SEES_EVERY_TEAM in rights)


ABILITIES: tuple[tuple[Text, tuple[RightInWords, ...]], ...] = (
    (
        gettext_lazy("Contacts and chats"),
        (
            RightInWords(
                gettext_lazy("see the contacts, chats and figures of every team"),
                ("contacts.view_contact", SEES_EVERY_TEAM),
                gettext_lazy("sees every team"),
            ),
            RightInWords(
                gettext_lazy("see the contacts, chats and figures of the teams they are in"),
                ("contacts.view_contact",),
                gettext_lazy("sees their own teams"),
                only_own_teams=True,
            ),
            RightInWords(
                gettext_lazy("change contacts: name, CS, campaign, follow-up; join two that are one person"),
                ("contacts.change_contact",),
                gettext_lazy("changes contacts"),
            ),
            RightInWords(gettext_lazy("write notes"), ("contacts.add_note",)),
            RightInWords(
                gettext_lazy("download contacts with their phone numbers"),
                ("contacts.view_contact", "contacts.export_contact"),
                gettext_lazy("downloads contacts"),
            ),
            RightInWords(
                gettext_lazy("import contacts from a file"), ("contacts.add_contact", "contacts.change_contact")
            ),
            RightInWords(gettext_lazy("archive contacts and restore them"), ("contacts.delete_contact",)),
        ),
    ),
    (
        gettext_lazy("Labels"),
        (
            RightInWords(
                gettext_lazy("see labels, categories, the labels of WhatsApp and what is stale"),
                ("labels.view_label", "labels.view_category", "labels.view_channellabel", "labels.view_staleflag"),
            ),
            RightInWords(
                gettext_lazy("see which contradictions were settled, their rules, and which hours count for limits"),
                (
                    "labels.view_contradictionflag",
                    "labels.view_contradictionrule",
                    "labels.view_staleclock",
                    "labels.view_freeday",
                ),
            ),
            RightInWords(
                gettext_lazy("say that an old label is still right"),
                ("labels.change_staleflag",),
            ),
            RightInWords(
                gettext_lazy("settle labels that contradict each other"),
                ("labels.change_contradictionflag",),
            ),
            RightInWords(
                gettext_lazy("decide which labels contradict each other, and which hours count for limits"),
                (
                    "labels.add_contradictionrule",
                    "labels.change_contradictionrule",
                    "labels.change_staleclock",
                    "labels.add_freeday",
                    "labels.change_freeday",
                    "labels.delete_freeday",
                ),
            ),
            RightInWords(
                gettext_lazy("decide what a WhatsApp label means"),
                ("labels.change_channellabel",),
                gettext_lazy("decides what labels mean"),
            ),
            RightInWords(
                gettext_lazy("add labels and categories, change their names and limits"),
                ("labels.add_label", "labels.change_label", "labels.add_category", "labels.change_category"),
            ),
            RightInWords(gettext_lazy("see the words that labels are suggested by"), ("labels.view_labelword",)),
            RightInWords(
                gettext_lazy("decide by which words labels are suggested"),
                ("labels.add_labelword", "labels.change_labelword"),
            ),
            RightInWords(
                gettext_lazy("look a second time at what colleagues graded, and draw samples for that"),
                ("labels.add_secondlook", "labels.add_looksample"),
            ),
            RightInWords(
                gettext_lazy("archive labels and categories"), ("labels.delete_label", "labels.delete_category")
            ),
        ),
    ),
    (
        gettext_lazy("Campaigns and reports"),
        (
            RightInWords(gettext_lazy("read the reports"), ("reports.view_report",), gettext_lazy("reads reports")),
            RightInWords(gettext_lazy("see campaigns"), ("contacts.view_campaign",)),
            RightInWords(
                gettext_lazy("add campaigns, their costs and how they are recognised"),
                (
                    "contacts.add_campaign",
                    "contacts.change_campaign",
                    "contacts.add_campaignrule",
                    "contacts.change_campaignrule",
                ),
                gettext_lazy("adds campaigns"),
            ),
            RightInWords(gettext_lazy("archive campaigns"), ("contacts.delete_campaign",)),
            RightInWords(gettext_lazy("open the segments of their teams and of everyone"), ("reports.view_segment",)),
            RightInWords(
                gettext_lazy("save segments, change and archive their own"),
                ("reports.add_segment", "reports.change_segment", "reports.delete_segment"),
            ),
            RightInWords(
                gettext_lazy("choose the words by which contacts opt out of broadcasts"),
                ("contacts.add_optoutword", "contacts.change_optoutword", "contacts.delete_optoutword"),
            ),
        ),
    ),
    (
        gettext_lazy("WhatsApp numbers"),
        (
            RightInWords(gettext_lazy("see the numbers and whether they work"), ("contacts.view_channel",)),
            RightInWords(
                gettext_lazy("say whose number it is, and since when"),
                ("contacts.add_channelownership", "contacts.change_channelownership"),
            ),
            RightInWords(
                gettext_lazy("connect numbers and change their secrets"),
                ("contacts.add_channel", "contacts.change_channel"),
                gettext_lazy("connects numbers"),
            ),
            RightInWords(gettext_lazy("archive numbers"), ("contacts.delete_channel",)),
            RightInWords(gettext_lazy("read the webhook log and the System page"), ("webhooks.view_inboundevent",)),
            RightInWords(gettext_lazy("have posts of a gateway processed again"), ("webhooks.change_inboundevent",)),
            RightInWords(
                gettext_lazy("see gateways that post without being set up"), ("webhooks.view_unknownchannel",)
            ),
        ),
    ),
    (
        gettext_lazy("People"),
        (
            RightInWords(gettext_lazy("see CS and teams"), ("contacts.view_agent", "contacts.view_team")),
            RightInWords(gettext_lazy("change CS: name, team and login"), ("contacts.change_agent",)),
            RightInWords(gettext_lazy("add CS and archive who left"), ("contacts.add_agent", "contacts.delete_agent")),
            RightInWords(
                gettext_lazy("add teams and choose who is in them"), ("contacts.add_team", "contacts.change_team")
            ),
            RightInWords(gettext_lazy("archive teams"), ("contacts.delete_team",)),
            RightInWords(gettext_lazy("see who can log in"), ("core.view_user",)),
            RightInWords(
                gettext_lazy("add people, give them roles and new passwords"),
                ("core.add_user", "core.change_user"),
                gettext_lazy("adds people"),
            ),
            RightInWords(gettext_lazy("see what each role may do"), ("auth.view_group",)),
            RightInWords(gettext_lazy("change what a role may do"), ("auth.add_group", "auth.change_group")),
            RightInWords(
                gettext_lazy("give out API tokens and take them back"),
                ("authtoken.view_tokenproxy", "authtoken.add_tokenproxy", "authtoken.delete_tokenproxy"),
            ),
        ),
    ),
    (
        gettext_lazy("Records"),
        (
            RightInWords(
                gettext_lazy("read the audit trail: who changed what"),
                ("core.view_auditentry",),
                gettext_lazy("reads the audit trail"),
            ),
            RightInWords(gettext_lazy("see everybody's exports, imports and other long work"), ("core.view_job",)),
            RightInWords(gettext_lazy("stop long work of others"), ("core.change_job",)),
            RightInWords(gettext_lazy("see when daily jobs ran"), ("core.view_jobrun", "core.view_heartbeat")),
            RightInWords(
                gettext_lazy("see who gets a morning brief, and which were sent"), ("transfer.view_briefmessage",)
            ),
            RightInWords(gettext_lazy("see failed logins"), ("axes.view_accessattempt",)),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class AreaOfRights:
    """What of one area a role may do, and what it may not."""

    title: Text
    may: list[Text]
    may_not: list[Text]


def areas(rights: frozenset[str]) -> list[AreaOfRights]:
    """Everything that these rights allow and do not allow, area by area."""
    return [
        AreaOfRights(
            title,
            [each.text for each in abilities if each.is_given(rights)],
            [each.text for each in abilities if not each.is_given(rights) and not each.only_own_teams],
        )
        for title, abilities in ABILITIES
    ]


def in_short(rights: frozenset[str]) -> str:
    """The abilities that tell a role from others, in one line; a sentence of its own for who may do nothing."""
    said = [str(each.in_short) for _area, abilities in ABILITIES for each in abilities if each.in_short]
    given = [
        str(each.in_short)
        for _area, abilities in ABILITIES
        for each in abilities
        if each.in_short and each.is_given(rights)
    ]
    if len(given) >= len(said) - 1:  # one of the two ways to see teams is always left out
        return _("May do everything.")
    return f"{capfirst(', '.join(given))}." if given else _("May do nothing yet.")


def roles_in_order() -> QuerySet[Group]:
    """The six roles as the table of roles has them, then the groups people made."""
    places = [When(name=name, then=Value(place)) for place, name in enumerate(ROLES)]
    return Group.objects.order_by(Case(*places, default=Value(len(ROLES))), "name")


def rights_by_role(groups: Iterable[Group]) -> dict[int, frozenset[str]]:
    """The rights of each role, by its id, in one query."""
    found: dict[int, set[str]] = defaultdict(set)
    rows = Group.permissions.through.objects.filter(group__in=list(groups))
    columns = rows.values_list("group_id", "permission__content_type__app_label", "permission__codename")
    for group_id, app, codename in columns:
        found[group_id].add(f"{app}.{codename}")
    return {group_id: frozenset(rights) for group_id, rights in found.items()}
