"""What brought a contact here: campaigns, what they cost, the rules that recognise them, and each touch."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from contacts.models.channels import Channel
from contacts.models.contact import Contact, Message
from contacts.models.querysets import CampaignQuerySet
from contacts.rules import patterns
from labelcrm.core.soft_deletion import Archivable, LivingManager
from labelcrm.lib.text import trimmed


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
            models.CheckConstraint(
                condition=Q(amount__gte=0),
                name="campaign_cost_row_not_negative",
                violation_error_message=_("A cost is not negative."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_day} – {self.last_day}"


class CampaignRule(models.Model):
    """How a message in shows that a campaign brought it. Lower `priority` is asked first.

    Ids, refs and click ids are compared exactly with the ad of any message. Words and patterns are looked for in a
    contact's first message, as `match` says; a number (`channel`) speaks for first messages that say nothing else.
    `since` and `until` are days of the business, both included. A rule is switched off, never deleted, because
    touches point to it.
    """

    class Kind(models.TextChoices):
        AD = "ad", _("ad id")
        REF = "ref", _("ad ref")
        CLICK = "click", _("click id")
        KEYWORD = "keyword", _("words in the first message")
        REGEX = "regex", _("pattern in the first message")
        CHANNEL = "channel", _("WhatsApp number")

    class Match(models.TextChoices):
        WORDS = "words", _("whole words")
        CONTAINS = "contains", _("anywhere in the text")

    campaign = models.ForeignKey(Campaign, verbose_name=_("campaign"), on_delete=models.CASCADE, related_name="rules")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    pattern = models.CharField(_("value"), max_length=200, blank=True)
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
    since = models.DateField(_("from (day)"), null=True, blank=True)
    until = models.DateField(_("until (day)"), null=True, blank=True)
    priority = models.PositiveSmallIntegerField(_("priority"), default=100)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("campaign rule")
        verbose_name_plural = _("campaign rules")
        ordering = ["priority", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "kind", "pattern", "channel", "since", "until"],
                nulls_distinct=False,
                name="campaign_rule_once",
                violation_error_message=_("The campaign has this rule already."),
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(since__isnull=True) | Q(until__gte=F("since")),
                name="campaign_rule_days_in_order",
                violation_error_message=_("The last day is before the first."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.pattern or self.channel}"

    def clean(self) -> None:
        """What each kind of rule needs. Raises ValidationError."""
        self.pattern = "" if self.kind == self.Kind.CHANNEL else trimmed(self.pattern)
        if self.kind == self.Kind.CHANNEL:
            if self.channel_id is None:
                raise ValidationError({"channel": _("Choose the WhatsApp number that this campaign is answered on.")})
        elif not self.pattern:
            raise ValidationError({"pattern": models.Field.default_error_messages["blank"]})
        elif self.kind == self.Kind.REGEX:
            _check_pattern(self.pattern)


REFUSED = {
    "broken": _("This is no pattern: %(detail)s"),
    "long": _("A pattern has at most %(longest)s characters."),
    "runaway": _(
        "This pattern could take for ever on some messages. At most two parts may repeat without a limit (* or +), and"
        " nothing that repeats may stand in something that repeats; write {0,9} instead of *."
    ),
    "empty": _("This pattern finds every message, even an empty one."),
    "feature": _("Look-arounds, references to groups and flags are not understood here. Case never counts."),
}


def _check_pattern(pattern: str) -> None:
    try:
        patterns.check(pattern)
    except patterns.PatternRefused as refused:
        words = {"detail": refused.detail, "longest": patterns.LONGEST_PATTERN}
        raise ValidationError({"pattern": ValidationError(REFUSED[refused.code], refused.code, words)}) from refused


class CampaignTouch(models.Model):
    """One moment at which a campaign reached a contact, recognised by a message or told by a person or a file.

    `campaign` empty: an ad that no campaign claims yet. `rule` is what recognised it, empty where that was no rule;
    `evidence` holds what it saw: the id of the ad by its name, or the part of the text.
    """

    # Indexes below lead with whatever has none of its own.
    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="touches", db_index=False
    )
    campaign = models.ForeignKey(
        Campaign,
        verbose_name=_("campaign"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="touches",
        db_index=False,
    )
    channel = models.ForeignKey(
        Channel, verbose_name=_("channel"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    at = models.DateTimeField(_("time"))
    method = models.CharField(_("recognised by"), max_length=20)
    rule = models.ForeignKey(
        CampaignRule,
        verbose_name=_("rule"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="touches",
        db_index=False,
    )
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
            # How many first messages each rule recognised lately.
            models.Index(fields=["rule", "at"], condition=Q(rule__isnull=False), name="touch_by_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} ← {self.campaign_id}"
