"""The phones of the people who work here: the only numbers that this program itself writes to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class StaffNumber(models.Model):
    """A user's own WhatsApp number: asked for, and theirs once they typed the code that was sent to it.

    `phone` is E.164, "" after they took it back: the row stays, so that its count of codes does. `lid` is what WhatsApp
    calls the same person, learnt from a post that told both. Of the code only a hash is kept.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="staff_number"
    )
    phone = models.CharField(_("number"), max_length=20, blank=True)
    lid = models.CharField(max_length=40, blank=True)
    verified_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    code_hash = models.CharField(max_length=64, blank=True)
    code_expires_at = models.DateTimeField(null=True)
    code_tries = models.PositiveSmallIntegerField(default=0)
    codes_since = models.DateTimeField(null=True)  # when the hour began in which `codes_sent` were
    codes_sent = models.PositiveSmallIntegerField(default=0)

    class Meta:
        default_permissions = ()
        verbose_name = _("staff number")
        verbose_name_plural = _("staff numbers")
        constraints = [
            models.UniqueConstraint(fields=["phone"], condition=Q(verified_at__isnull=False), name="staff_number_once"),
            models.CheckConstraint(
                condition=Q(verified_at__isnull=True) | ~Q(phone=""), name="verified_staff_number_is_one"
            ),
        ]

    def __str__(self) -> str:
        return f"staff number {self.pk}"

    @property
    def is_verified(self) -> bool:
        return self.verified_at is not None
