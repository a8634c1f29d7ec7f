"""What leads are told of stale labels: once a day, how many became theirs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import ngettext

from contacts.selectors.viewing import has_left, viewer_of
from labelcrm.core import notices
from labelcrm.core.notices import NoticeAudience, NoticeText, NoticeTopic
from labels.models import StaleFlag

LEADS = "labels.change_label"  # who may set limits looks after them
BACKEND = "contacts.access.StaffBackend"


def tell_leads(now: datetime) -> None:
    """Tell every lead who sees one of the labels that were escalated at `now`; each once a day."""
    leads = get_user_model().objects.with_perm(LEADS, backend=BACKEND, include_superusers=False).select_related("agent")
    told = [user.pk for user in leads if not has_left(user) and _theirs(user).filter(escalated_at=now).exists()]
    notices.tell(ESCALATED, timezone.localtime(now).date().toordinal(), NoticeAudience(seen_by=told))


def _theirs(user: Any) -> QuerySet[StaleFlag]:
    flags: QuerySet[StaleFlag] = StaleFlag.objects.visible_to(viewer_of(user))
    return flags.filter(closed_at__isnull=True, contact__deleted_at__isnull=True)


def _words(day: int, user: Any) -> NoticeText | None:
    """How many of that day's are open still; nothing when none is."""
    since = timezone.make_aware(datetime.combine(date.fromordinal(day), datetime.min.time()))
    count = _theirs(user).filter(escalated_at__gte=since, escalated_at__lt=since + timedelta(days=1)).count()
    if not count or not user.has_perm("labels.view_staleflag"):
        return None
    words = ngettext(
        "%(n)s stale label has waited too long and is yours now",
        "%(n)s stale labels have waited too long and are yours now",
        count,
    )
    page = f"{reverse('admin:labels_staleflag_changelist')}?escalated=1"
    return NoticeText(title=words % {"n": number_format(count, force_grouping=True)}, page=page, is_good=False)


ESCALATED = notices.register(NoticeTopic("stale", _words))
