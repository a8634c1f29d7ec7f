"""Handovers: a CS leaves, and others take over whom she answered; kept so that it is seen what became of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from contacts.models import Agent, Contact
from labels.models.canonical import Label
from labels.models.querysets import HandoverQuerySet


class Handover(models.Model):
    """What one CS had, given to others. Nothing of it changes who did what before.

    `plan` says who gets what, `numbers` which ownerships ended and began by it, `counts` how many contacts there were
    of each kind when it was done. `done_at` is empty while it is at work.
    """

    agent = models.ForeignKey(Agent, verbose_name=_("agent"), on_delete=models.PROTECT, related_name="handovers")
    receivers = models.ManyToManyField(Agent, verbose_name=_("receivers"), related_name="received_handovers")
    plan = models.JSONField(default=dict)
    numbers = models.JSONField(default=list)
    counts = models.JSONField(default=dict)
    note = models.TextField(_("message to the receivers"), blank=True, max_length=1000)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(_("time"))
    done_at = models.DateTimeField(_("done at"), null=True)
    undone_at = models.DateTimeField(_("undone at"), null=True)

    objects = HandoverQuerySet.as_manager()

    class Meta:
        verbose_name = _("handover")
        verbose_name_plural = _("handovers")
        ordering = ["-at", "-id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.agent} {self.at:%Y-%m-%d}"


class HandedOverContact(models.Model):
    """One contact of a handover: who answers them now, who did, and how it stood with them then.

    `label` and `step` are those of the label that was furthest along. Who had no open matter was only given another
    CS: they are followed by no figure. `is_applied` is false for one that somebody changed first.
    """

    handover = models.ForeignKey(Handover, on_delete=models.CASCADE, related_name="contacts")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="handed_over")
    to_agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    from_agent = models.ForeignKey(Agent, null=True, on_delete=models.PROTECT, related_name="+")
    label = models.ForeignKey(Label, null=True, on_delete=models.PROTECT, related_name="+")
    step = models.PositiveSmallIntegerField(null=True)
    is_open = models.BooleanField()
    is_stale = models.BooleanField()
    is_unanswered = models.BooleanField()
    is_due = models.BooleanField()
    is_applied = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.contact_id} to {self.to_agent_id}"
