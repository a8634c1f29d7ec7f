"""How much each canonical label is used, for its list: on how many contacts, how often put on, when last."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db.models import Count, DateField, F, IntegerField, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from labelcrm.core.viewer import Viewer
from labels.models import ChannelLabel, LabelAssignment, LabelDay
from labels.rules.scopes import WHOLE, of_team

DAYS = 30
NEVER = date(1900, 1, 1)  # sorts before every day on which a label was used


def with_use(labels: QuerySet[Any], viewer: Viewer, *, today: date) -> QuerySet[Any]:
    """Labels with `active` (contacts that have it now), `added` (put on in the last 30 days), `last_used` (the day it
    was last put on or found to be on, or NEVER) and `number_count` (WhatsApp numbers that have it), of what the viewer
    sees.

    What was put on is read from the sums of the viewer's teams: who is known to two of them counts for both.
    """
    scopes = [WHOLE] if viewer.everything else [of_team(team) for team in sorted(viewer.teams)]
    days = LabelDay.objects.filter(label=OuterRef("pk"), scope__in=scopes).order_by()
    recent = days.filter(day__gt=today - timedelta(days=DAYS), day__lte=today).values("label")
    used = days.values("day").annotate(n=Sum(F("added") + F("found"))).filter(n__gt=0).order_by("-day").values("day")
    return labels.annotate(
        active=_counted(_active(days, viewer)),
        added=_counted(recent.annotate(n=Sum("added"))),
        last_used=Coalesce(Subquery(used[:1], output_field=DateField()), Value(NEVER)),
        number_count=_counted(_numbers(viewer)),
    )


def _counted(rows: QuerySet[Any]) -> Any:
    return Coalesce(Subquery(rows.values("n"), output_field=IntegerField()), 0)


def _active(days: QuerySet[Any], viewer: Viewer) -> QuerySet[Any]:
    """Contacts that have a label now: the sum of all days where those are everybody's, else counted one by one."""
    if viewer.everything:
        net = F("added") + F("found") - F("removed") - F("lost")
        return days.values("label").annotate(n=Sum(net))
    seen = LabelAssignment.objects.active().visible_to(viewer).filter(label=OuterRef("pk")).order_by()
    return seen.values("label").annotate(n=Count("contact", distinct=True))


def _numbers(viewer: Viewer) -> QuerySet[Any]:
    living = ChannelLabel.objects.visible_to(viewer).filter(label=OuterRef("pk"), deleted_at__isnull=True, hidden=False)
    return living.order_by().values("label").annotate(n=Count("channel", distinct=True))
