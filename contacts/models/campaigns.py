"""What brought a contact here: campaigns, what they cost, the rules that recognise them, and each touch."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from contacts.models.channels import Channel
from contacts.models.contact import Contact, Message
from contacts.models.querysets import CampaignQuerySet
from labelcrm.core.soft_deletion import Archivable, LivingManager


class Campaign(Archivable):
    """Something we spent effort or money on to make people write. Not a label."""

    code = models.SlugField(_("code"), max_length=60)
    name = models.CharField(_("name"), max_length=100)
    source = models.CharField(_("source"), max_length=60, blank=True)
    cost = models.DecimalField(_("cost (rupiah)"), max_digits=14, decimal_places=0, null=True, blank=True)
    starts_on = models.DateField(_("starts on"), null=True, blank=True)
    ends_on = models.DateField(_("ends on"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    objects = LivingManager.over(CampaignQuerySet)
    all_objects = CampaignQuerySet.as_manager()

    class Meta(Archivable.Meta):
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["code"], condition=Q(deleted_at__isnull=True), name="campaign_code_once"),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(starts_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="campaign_ends_after_it_starts",
            ),
            models.CheckConstraint(condition=Q(cost__isnull=True) | Q(cost__gte=0), name="campaign_cost_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignCost(models.Model):
    """What a campaign cost in some days, the first and the last included. Of several rows the sum counts.

    `contacts.services.campaign_costs` keeps `Campaign.cost` their sum.
    """

    campaign = models.ForeignKey(Campaign, verbose_name=_("campaign"), on_delete=models.CASCADE, related_name="costs")
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    amount = models.DecimalField(_("cost (rupiah)"), max_digits=14, decimal_places=0)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("cost of a period")
        verbose_name_plural = _("costs by period")
        ordering = ["first_day", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")),
                name="campaign_cost_days_in_order",
                violation_error_message=_("The last day is before the first."),
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="campaign_cost_row_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.first_day} – {self.last_day}"


class CampaignRule(models.Model):
    """How a message in shows that a campaign brought it. Lower `priority` is asked first.

    Ids, refs and click ids are compared exactly with the ad of any message. Words are looked for in a contact's first
    message, as `match` says.
    """

    class Kind(models.TextChoices):
        AD = "ad", _("ad id")
        REF = "ref", _("ad ref")
        CLICK = "click", _("click id")
        KEYWORD = "keyword", _("words in the first message")

    class Match(models.TextChoices):
        WORDS = "words", _("whole words")
        CONTAINS = "contains", _("anywhere in the text")

    campaign = models.ForeignKey(Campaign, verbose_name=_("campaign"), on_delete=models.CASCADE, related_name="rules")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    pattern = models.CharField(_("value"), max_length=200)
    match = models.CharField(
        _("how words match"),
        max_length=10,
        choices=Match,
        default=Match.WORDS,
        db_default=Match.WORDS,
        help_text=_("Whole words: KAOS2 is not found in KAOS25. Case and punctuation never count."),
    )
    channel = models.ForeignKey(
        Channel, verbose_name=_("only on channel"), null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    priority = models.PositiveSmallIntegerField(_("priority"), default=100)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("campaign rule")
        verbose_name_plural = _("campaign rules")
        ordering = ["priority", "id"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "kind", "pattern", "channel"], name="campaign_rule_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.pattern}"


class CampaignTouch(models.Model):
    """One moment at which a campaign reached a contact, recognised by a message or told by a file.

    `campaign` empty: an ad that no campaign claims yet.
    """

    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="touches")
    campaign = models.ForeignKey(
        Campaign, verbose_name=_("campaign"), null=True, blank=True, on_delete=models.PROTECT, related_name="touches"
    )
    channel = models.ForeignKey(
        Channel, verbose_name=_("channel"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    message = models.ForeignKey(Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(_("time"))
    method = models.CharField(_("recognised by"), max_length=20)
    evidence = models.JSONField(_("evidence"), default=dict, blank=True)

    class Meta:
        verbose_name = _("campaign touch")
        verbose_name_plural = _("campaign touches")
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["message"], condition=Q(message__isnull=False), name="one_touch_per_message"
            ),
        ]
        indexes = [
            models.Index(fields=["contact", "at"], name="touch_by_contact"),
            models.Index(fields=["campaign", "at"], name="touch_by_campaign"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} ← {self.campaign_id}"
