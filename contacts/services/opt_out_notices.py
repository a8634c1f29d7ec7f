"""Whose chats they are is told that contacts opted out, by whatever way: in a message, by a colleague, by a file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import Agent, Channel, ChannelOwnership, Consent, Contact, ContactChannel
from contacts.selectors.ownership import numbers_now, owned_by
from contacts.selectors.viewing import viewer_of
from labelcrm.core import notices
from labelcrm.core.models import Notice
from labelcrm.core.notices import NoticeAudience, NoticeText, NoticeTopic

RIGHT = "contacts.view_contact"


def tell_owners(contact_ids: Collection[int], *, actor: Any) -> None:
    """Tell the agents of these contacts, who have just opted out, but not whoever noted it.

    Called in the transaction that opts them out, after their consents are written. Who has such a notice unseen gets
    no second one: it counts whoever opted out since it was made.
    """
    users = _agents_users(contact_ids) - {getattr(actor, "pk", None)}
    waiting = Notice.objects.filter(user__in=users, topic=OPTED_OUT.name, seen_at=None)
    users -= set(waiting.values_list("user", flat=True))
    if users:
        outs = Consent.objects.filter(contact__in=contact_ids, given=False).order_by()
        latest = outs.values("contact").annotate(latest=Max("pk")).values_list("latest", flat=True)
        notices.tell(OPTED_OUT, min(latest), NoticeAudience(seen_by=users))


def _agents_users(contact_ids: Collection[int]) -> set[int]:
    """The users of those whose chats these are: assigned to them, or to nobody and on a number that is theirs."""
    contacts = Contact.objects.filter(pk__in=contact_ids).order_by()
    assigned = set(contacts.exclude(assigned_to=None).values_list("assigned_to", flat=True))
    links = ContactChannel.objects.filter(contact__in=contacts.filter(assigned_to=None))
    owners = _owners(Q(Exists(links.filter(channel=OuterRef("pk")))))
    agents = Agent.objects.filter(pk__in=assigned | set(owners.values()), user__is_active=True)
    return set(agents.values_list("user", flat=True))


def _owners(channels: Q) -> dict[int, int]:
    """Whose these channels are now: the agent by the channel, where there is one."""
    now = numbers_now(Channel.objects.filter(channels), now=timezone.now(), zone=settings.TIME_ZONE)
    return {pk: number.owner for pk, number in now.items() if number.owner is not None}


def _words(consent: int, user: Any) -> NoticeText | None:
    """Whoever of the user's chats opted out since, and still is; nothing when it is nobody any more."""
    agent = Agent.objects.filter(user=user.pk).values_list("pk", flat=True).first()
    if agent is None or not user.has_perm(RIGHT):
        return None
    now = timezone.now()  # whose number it is in this hour makes no difference: a shift may be over
    owned = ChannelOwnership.objects.filter(agent=agent).exclude(since__gt=now).exclude(until__lte=now)
    theirs = list(owned.values_list("channel", flat=True))
    since = Consent.objects.filter(contact=OuterRef("pk"), pk__gte=consent, given=False)
    noted_by_others = Exists(since.filter(Q(recorded_by=None) | ~Q(recorded_by=user.pk)))
    contacts = Contact.objects.visible_to(viewer_of(user)).filter(noted_by_others, owned_by(agent, theirs))
    found = contacts.exclude(opted_out_at=None)
    people = list(found.order_by("pk")[:2])
    if not people:
        return None
    if len(people) == 1:
        title = _("%(name)s opted out of broadcasts") % {"name": people[0]}
        page = reverse("admin:contacts_contact_change", args=[people[0].pk])
    else:
        count = found.count()
        words = ngettext(
            "%(n)s of your contacts opted out of broadcasts", "%(n)s of your contacts opted out of broadcasts", count
        )
        title = words % {"n": number_format(count, force_grouping=True)}
        page = reverse("admin:contacts_contact_changelist") + "?opted_out=lately"
    return NoticeText(
        title=title, text=_("From now on they are left out of every file of contacts."), page=page, is_good=False
    )


OPTED_OUT = notices.register(NoticeTopic("opt_out", _words))
