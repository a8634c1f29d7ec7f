"""What becomes a conversion, each conversion, and where each of them went.

A conversion is the first label of a kind of a contact who came by an ad. There is one of each event per contact. Until
it goes anywhere it follows the label, the touch and the settings it was made of; from then on nothing of it changes any
more.
"""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Case, CharField, Exists, OuterRef, Q, Value, When
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from contacts.models import Campaign, CampaignTouch, Channel, Contact
from labelcrm.core.encryption import EncryptedTextField
from labelcrm.core.models import Job
from labelcrm.core.viewer import Viewer
from labels.models import Label
from reports.services.segments import ADMINISTERS


class ConversionEvent(models.Model):
    """What is counted: which labels, from which day on, what one is worth, and what Meta and Google call it.

    `meta_name` is one of the names that Meta takes for business messaging; others it refuses. `google_name` is what the
    business called its conversion action in Google Ads, to the letter.
    """

    class LabelChoice(models.TextChoices):
        HIGH_QUALITY = "high_quality", _("every label marked as high quality")
        WON = "won", _("every label that means done")
        LABELS = "labels", _("the labels chosen below")

    class MetaName(models.TextChoices):
        LEAD_SUBMITTED = "LeadSubmitted"
        QUALIFIED_LEAD = "QualifiedLead"
        PURCHASE = "Purchase"
        ADD_TO_CART = "AddToCart"
        INITIATE_CHECKOUT = "InitiateCheckout"
        VIEW_CONTENT = "ViewContent"

    code = models.SlugField(_("code"), max_length=30, unique=True)
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60, blank=True)
    basis = models.CharField(_("which labels"), max_length=15, choices=LabelChoice)
    labels = models.ManyToManyField(Label, verbose_name=_("chosen labels"), blank=True, related_name="+")
    active = models.BooleanField(_("counted"), default=True)
    value = models.DecimalField(_("value (rupiah)"), max_digits=14, decimal_places=0, null=True, blank=True)
    since = models.DateField(_("labels from this day on"), null=True, blank=True)
    meta_name = models.CharField(_("name at Meta"), max_length=30, choices=MetaName)
    google_name = models.CharField(_("conversion action in Google Ads"), max_length=100)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        default_permissions = ()
        verbose_name = _("conversion event")
        verbose_name_plural = _("conversion events")
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(value__isnull=True) | Q(value__gte=0), name="event_value_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name_en if self.name_en and get_language() == "en" else self.name


class ConversionValue(models.Model):
    """What a conversion is worth by one label, or from one campaign: a campaign's comes before a label's."""

    event = models.ForeignKey(ConversionEvent, on_delete=models.CASCADE, related_name="values")
    label = models.ForeignKey(Label, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    value = models.DecimalField(_("value (rupiah)"), max_digits=14, decimal_places=0)

    class Meta:
        default_permissions = ()
        verbose_name = _("value of a conversion")
        verbose_name_plural = _("values of conversions")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "label", "campaign"], nulls_distinct=False, name="conversion_value_once"
            ),
            models.CheckConstraint(
                condition=Q(label__isnull=True, campaign__isnull=False) | Q(label__isnull=False, campaign__isnull=True),
                name="conversion_value_of_label_or_campaign",
            ),
            models.CheckConstraint(condition=Q(value__gte=0), name="conversion_value_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id}: {self.value}"


class Target(models.TextChoices):
    """Where conversions go. `google` takes click ids; `google_leads` takes hashed numbers as well."""

    META = "meta", _("Meta, offline events")
    GOOGLE = "google", _("Google Ads, by click id")
    GOOGLE_LEADS = "google_leads", _("Google Ads, enhanced conversions for leads")
    META_API = "meta_api", _("Meta Conversions API")


FILE_TARGETS = (Target.META, Target.GOOGLE, Target.GOOGLE_LEADS)


class ConversionState(models.TextChoices):
    """Where a conversion stands, whatever its targets: the first of these that holds, from the top."""

    SENT = "sent", _("sent")
    IN_FILE = "in_file", _("in a file")
    WAITING = "waiting", _("on its way")
    FAILED = "failed", _("failed")
    HELD = "held", _("not sent")
    NEW = "new", _("new")


class ConversionQuerySet(models.QuerySet[Any]):
    def visible_to(self, viewer: Viewer) -> Self:
        """Conversions of contacts that the viewer sees, by a label on a number that they see or one that exists only
        here; of a merged contact, of the contact it became.
        """
        if viewer.everything:
            return self
        seen = Contact.all_objects.visible_to(viewer)
        rows = self.filter(channel_id__in=[*viewer.channels, viewer.crm])
        return rows.filter(Q(contact__in=seen) | Q(contact__merged_into__in=seen))

    def with_state(self) -> Self:
        """Each with `state`, a `ConversionState`."""
        gone = ConversionDelivery.objects.filter(conversion=OuterRef("pk"))
        done = gone.filter(state=DeliveryState.DONE)
        return self.annotate(
            state=Case(
                When(Exists(done.filter(target=Target.META_API)), then=Value(ConversionState.SENT.value)),
                When(Exists(done), then=Value(ConversionState.IN_FILE.value)),
                When(Exists(gone.filter(state=DeliveryState.WAITING)), then=Value(ConversionState.WAITING.value)),
                When(Exists(gone.filter(state=DeliveryState.FAILED)), then=Value(ConversionState.FAILED.value)),
                When(HELD, then=Value(ConversionState.HELD.value)),
                default=Value(ConversionState.NEW.value),
                output_field=CharField(),
            )
        )


class Conversion(models.Model):
    """The first label of an event on a contact who came by an ad.

    `occurred_at` is when the clean spell began, by WhatsApp's clock where it told one. `found` says that nobody knows
    when that was, because the label was there already when we first looked: it goes nowhere, and no later label of the
    event is the first. `click_id` is Meta's `ctwa_clid` or Google's `gclid`, as `network` says. `touch_at` and what
    follows it are the evidence: the latest touch by an ad up to the label. `value_by_hand` is an amount that a person
    entered.
    """

    class Network(models.TextChoices):
        META = "meta", "Meta"
        GOOGLE = "google", "Google"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="conversions")
    event = models.ForeignKey(ConversionEvent, on_delete=models.PROTECT, related_name="conversions", db_index=False)
    label = models.ForeignKey(Label, on_delete=models.PROTECT, related_name="+", db_index=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+", db_index=False)
    occurred_at = models.DateTimeField(_("time of the label"))
    found = models.BooleanField(_("already there"))
    network = models.CharField(_("ads of"), max_length=10, choices=Network)
    click_id = models.CharField(_("click id"), max_length=600, blank=True)
    ad_id = models.CharField(_("ad id"), max_length=200, blank=True)
    # Touches are taken back by the drain and by replays, in statements that must not wait for conversions: an id that
    # leads nowhere any more is one that the next look replaces, or one that was told.
    touch = models.ForeignKey(
        CampaignTouch, null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    touch_at = models.DateTimeField(_("time of the touch"))
    touch_method = models.CharField(_("recognised by"), max_length=20, blank=True)
    campaign = models.ForeignKey(
        Campaign, verbose_name=_("campaign"), null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    value = models.DecimalField(_("value (rupiah)"), max_digits=14, decimal_places=0, null=True, blank=True)
    value_by_hand = models.BooleanField(default=False)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("changed at"))

    objects = ConversionQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("conversion")
        verbose_name_plural = _("conversions")
        constraints = [
            models.UniqueConstraint(fields=["contact", "event"], name="conversion_once_per_contact_and_event"),
        ]
        indexes = [
            # The page: the latest of a period, of all events or of one.
            models.Index(fields=["occurred_at", "id"], name="conversion_by_time"),
            # `updated_since` of the API, by keyset.
            models.Index(fields=["updated_at", "id"], name="conversion_by_update"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} of {self.contact_id}"

    @property
    def key(self) -> str:
        """The id that Meta and Google know a conversion by: told twice, they count it once."""
        return f"labelcrm-{self.pk}"


# What keeps a conversion from going anywhere, by the reason's code, in the order in which they are asked.
HOLDS: dict[str, Q] = {
    "found": Q(found=True),
    "gone": Q(contact__deleted_at__isnull=False) | Q(contact__merged_into__isnull=False),
    "opted_out": Q(contact__opted_out_at__isnull=False),
    "event_off": Q(event__active=False),
}
HELD = HOLDS["found"] | HOLDS["gone"] | HOLDS["opted_out"] | HOLDS["event_off"]


class ConversionFileQuerySet(models.QuerySet[Any]):
    def visible_to(self, viewer: Viewer) -> Self:
        """One's own; everybody's for who looks after people."""
        return self if viewer.may(ADMINISTERS) else self.filter(owner_id=viewer.user)


class ConversionFile(models.Model):
    """A file of conversions that somebody asked for. With `finished_at` it is done, and nothing of it changes."""

    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="conversion_file")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    target = models.CharField(_("for"), max_length=15, choices=Target)
    again = models.BooleanField(_("with those of earlier files"), default=False)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    rows = models.BigIntegerField(_("rows"), null=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)

    objects = ConversionFileQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("file of conversions")
        verbose_name_plural = _("files of conversions")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_target_display()} {self.pk}"

    @property
    def state(self) -> str:
        """The job's; of a file whose job was forgotten, whether it was done."""
        if self.finished_at is not None:
            return str(Job.State.DONE)
        return str(self.job.state if self.job is not None else Job.State.FAILED)

    @property
    def state_title(self) -> str:
        return str(Job.State(self.state).label)


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("on its way")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


TESTED = "tested"  # `error` of what was done with a test event code: Meta counts it nowhere


class ConversionDelivery(models.Model):
    """That a conversion goes to a target, once per `round`: a second round is only ever asked for by a person.

    Of a file: `waiting` until the file is done. Of Meta's API it is the outbox: `waiting` until Meta has said
    something, not before `not_before`, and held by whoever sends it until `leased_until`. `error` is a code of ours,
    `told` what Meta said.
    """

    conversion = models.ForeignKey(Conversion, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    target = models.CharField(max_length=15, choices=Target)
    round = models.PositiveSmallIntegerField(default=0)
    file = models.ForeignKey(
        ConversionFile, null=True, on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=30, blank=True)
    told = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name = _("delivery of a conversion")
        verbose_name_plural = _("deliveries of conversions")
        constraints = [
            models.UniqueConstraint(fields=["conversion", "target", "round"], name="delivery_once_per_round"),
        ]
        indexes = [
            models.Index(fields=["file", "conversion"], condition=Q(file__isnull=False), name="delivery_by_file"),
            models.Index(fields=["id"], condition=Q(target="meta_api", state="waiting"), name="delivery_outbox"),
        ]

    def __str__(self) -> str:
        return f"{self.conversion_id} → {self.target}"


class MetaConnection(models.Model):
    """How Meta's Conversions API is reached: one row at most. Off until an owner switches it on.

    `enabled_at` is since when: labels from before go by file. `stopped` is why nothing is sent although it is on.
    """

    enabled = models.BooleanField(_("send to Meta"), default=False)
    dataset_id = models.CharField(_("dataset id"), max_length=40, blank=True)
    business_account_id = models.CharField(_("WhatsApp Business Account id"), max_length=40, blank=True)
    page_id = models.CharField(_("page id"), max_length=40, blank=True)
    access_token = EncryptedTextField(_("access token"), blank=True, default="")
    test_event_code = models.CharField(_("test event code"), max_length=40, blank=True)
    address = models.CharField(_("address"), max_length=200, default="https://graph.facebook.com")
    version = models.CharField(_("version of the Graph API"), max_length=10, default="v25.0")
    enabled_at = models.DateTimeField(null=True, blank=True)
    stopped = models.CharField(max_length=30, blank=True)
    told = models.CharField(max_length=300, blank=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        default_permissions = ()
        verbose_name = _("connection to Meta")
        verbose_name_plural = _("connection to Meta")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_connection_to_meta")]

    def __str__(self) -> str:
        return "Meta"
