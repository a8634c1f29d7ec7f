"""The closed vocabularies of label data, as the API spells them.

Nothing writes some of the words yet: `reconcile`, `erased` and `echo` belong to pulls, erasure and labels that are
written to WhatsApp from here. Rules and queries know them already, because the API and the definitions of the figures
name them.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class TimeSource(models.TextChoices):
    WHATSAPP = "whatsapp", _("WhatsApp's clock")
    GATEWAY = "gateway", _("the gateway's clock")
    RECEIVED = "received", _("time of receipt")


class Method(models.TextChoices):
    """How we know who labelled."""

    CRM_USER = "crm_user", _("set from here")
    CHANNEL_OWNER = "channel_owner", _("owner of the number")
    ROSTER = "roster", _("on shift")
    ASSIGNED = "assigned", _("contact is assigned to")
    UNKNOWN = "unknown", _("unknown")


class Origin(models.TextChoices):
    """How a label event came to be. `live` and `crm` are somebody's work, the others were found."""

    LIVE = "live", _("live")
    CRM = "crm", _("from here")
    RESYNC = "resync", _("already there (resync)")
    RECONCILE = "reconcile", _("already there (pull)")
    IMPORT = "import", _("imported")


class RemovedReason(models.TextChoices):
    REMOVED = "removed", _("taken off")
    LABEL_DELETED = "label_deleted", _("label deleted")
    RECONCILE = "reconcile", _("gone by repair")
    ERASED = "erased", _("erased")


class Effect(models.TextChoices):
    """What a label event did to the interval of its key."""

    OPENED = "opened", _("opened")
    CLOSED = "closed", _("closed")
    NONE = "none", _("none")
    ECHO = "echo", _("echo of a command")
