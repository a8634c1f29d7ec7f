"""The people who write to us: contacts, the identifiers they go by, and what was said."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex, GinIndex, OpClass
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Right, Upper
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contacts.models.agents import Agent
from contacts.models.channels import Channel
from contacts.models.querysets import ContactQuerySet, MessageQuerySet
from labelcrm.core.soft_deletion import Archivable, ArchivableQuerySet, LivingManager
from labelcrm.core.unaccented import Unaccented
from labelcrm.lib.text import said

NOTHING = Value({}, output_field=models.JSONField())
# Of an index of trigrams, kB: what is new waits in a list, which each search reads through, until it is this long, and
# then all of the index is written anew. At PostgreSQL's 4 MB that was a tenth of an import; 16 MB are read in 25 ms.
PENDING_LIMIT = 16 * 1024


class Contact(Archivable):
    """One person in a personal chat, whatever number of identifiers, channels and labels they have.

    `phone` (E.164), `lid` (digits) and `user_id` (Meta's, scoped to the business) repeat the leading identity of
    each kind for lists and search. `username` is only a public name: it may pass to somebody else, so nobody is
    known by it. `merged_into` points from a contact that turned out to be somebody already known to the one that
    survived.
    """

    class NameSource(models.TextChoices):
        NONE = "", _("none")
        WHATSAPP = "whatsapp", _("WhatsApp profile")
        PERSON = "person", _("typed here")

    name = models.CharField(_("name"), max_length=200, blank=True)
    name_source = models.CharField(_("source of the name"), max_length=10, blank=True, choices=NameSource)
    name_at = models.DateTimeField(null=True, blank=True, editable=False)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    lid = models.CharField(_("LID"), max_length=40, blank=True)
    user_id = models.CharField(_("WhatsApp user id"), max_length=150, blank=True, default="", db_default="")
    username = models.CharField(_("username"), max_length=60, blank=True, default="", db_default="")
    username_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Where `db_index` is off, an index or a constraint below begins with the same column.
    assigned_to = models.ForeignKey(
        Agent,
        verbose_name=_("assigned to"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="contacts",
        db_index=False,
    )
    campaign = models.ForeignKey(
        "contacts.Campaign",
        verbose_name=_("campaign"),
        help_text=_("First touch: what brought this contact here."),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="contacts",
        db_index=False,
    )
    follow_up_at = models.DateTimeField(_("follow up on"), null=True, blank=True)
    opted_out_at = models.DateTimeField(_("opted out"), null=True, blank=True)
    first_seen_at = models.DateTimeField(_("first seen"))
    first_inbound_at = models.DateTimeField(_("first message in"), null=True, blank=True)
    last_inbound_at = models.DateTimeField(_("last message in"), null=True, blank=True)
    last_outbound_at = models.DateTimeField(_("last message out"), null=True, blank=True)
    # Of messages in: whether some were written before the number was connected, and then when the first after that
    # came. Without history the first live one is the first one, and the second column stays empty.
    has_history = models.BooleanField(default=False, db_default=False, editable=False)
    first_live_inbound_at = models.DateTimeField(null=True, editable=False)
    merged_into = models.ForeignKey(
        "self", verbose_name=_("merged into"), null=True, blank=True, on_delete=models.PROTECT, related_name="merged"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed at"))

    objects = LivingManager.over(ContactQuerySet)
    all_objects = ContactQuerySet.as_manager()

    class Meta(Archivable.Meta):
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        permissions = [
            ("see_all_teams", "Can see the rows of every team"),
            ("export_contact", "Can export contacts"),
        ]
        indexes = [
            # Contact list, newest activity first, by keyset.
            models.Index(F("updated_at").desc(), F("id").desc(), name="contact_by_update"),
            # The contact list by name, by last message and by first seen, either way.
            models.Index(Upper("name"), F("id"), name="contact_by_name"),
            models.Index(fields=["last_inbound_at", "id"], name="contact_by_last_inbound"),
            models.Index(fields=["first_seen_at", "id"], name="contact_by_first_seen"),
            # Search by phone digits in any position, and by name.
            GinIndex(
                OpClass("phone", name="gin_trgm_ops"), name="contact_phone_trgm", gin_pending_list_limit=PENDING_LIMIT
            ),
            GinIndex(
                OpClass(Unaccented("name"), name="gin_trgm_ops"),
                name="contact_name_unaccented",
                gin_pending_list_limit=PENDING_LIMIT,
            ),
            # ... and by username; nothing for those who have none.
            GinIndex(
                OpClass(Upper("username"), name="gin_trgm_ops"), condition=~Q(username=""), name="contact_username_trgm"
            ),
            models.Index(fields=["campaign", "id"], condition=Q(campaign__isnull=False), name="contact_by_campaign"),
            models.Index(fields=["assigned_to", "id"], condition=Q(assigned_to__isnull=False), name="contact_by_agent"),
            models.Index(fields=["follow_up_at"], condition=Q(follow_up_at__isnull=False), name="contact_follow_up"),
            # Home and the contact list: who opted out lately. Segments and exports: all but those who want no more.
            models.Index(
                fields=["opted_out_at", "id"], condition=Q(opted_out_at__isnull=False), name="contact_opted_out"
            ),
            # Segments: when each of many contacts wrote, without their rows.
            models.Index(
                fields=["id"],
                include=["first_seen_at", "last_inbound_at", "last_outbound_at"],
                name="contact_times",
            ),
            # Reports and home: how many are hidden. Segments: who is not.
            models.Index(
                fields=["id"], include=["merged_into"], condition=Q(deleted_at__isnull=False), name="contact_archived"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.shown_address

    @property
    def address(self) -> str:
        """How this person is reached, as people read it: phone, else username, else LID, else Meta's id."""
        username = f"@{self.username}" if self.username else ""
        return self.phone or username or (f"{self.lid}@lid" if self.lid else self.user_id)

    @property
    def shown_address(self) -> str:
        """The address in words where it is none that people know: an id says nothing but that the number is hidden."""
        if self.phone or self.username:
            return self.address
        end = (self.lid or self.user_id)[-4:]
        return gettext("No number · …%(end)s") % {"end": end} if end else gettext("No number")


class IdentityKind(models.TextChoices):
    PHONE = "phone", _("phone")
    LID = "lid", _("LID")
    USER_ID = "user_id", _("WhatsApp user id")
    PARENT_ID = "parent_id", _("parent user id")


class ContactIdentity(models.Model):
    """One identifier of a contact. Events remember the identity they came by, so that a merge can be undone.

    `leads_since` is when WhatsApp said that the contact goes by it from then on: of each kind the latest leads, and
    without any the one that led before, else the oldest.
    """

    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(_("kind"), max_length=10, choices=IdentityKind)
    value = models.CharField(_("value"), max_length=150)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    leads_since = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("identifier")
        verbose_name_plural = _("identifiers")
        constraints = [models.UniqueConstraint(fields=["kind", "value"], name="identity_once")]
        # Search by the last four digits of any number.
        indexes = [models.Index(Right("value", 4), name="identity_by_end")]

    def __str__(self) -> str:
        return f"{self.value}@lid" if self.kind == IdentityKind.LID else self.value


class ContactMerge(models.Model):
    """Two contacts turned out to be one. Undoing gives back what is listed here, and what came by these identities.

    `identity_ids` and `moved` (table → row ids) came from `merged`. `before` holds what the merge changed or took
    away besides: columns of both contacts, their times on channels, touches and stale flags, and the last row of each
    table then, so that what came later is known. What the row of `merged` still says itself is not repeated.
    """

    survivor = models.ForeignKey(Contact, verbose_name=_("kept"), on_delete=models.CASCADE, related_name="merges")
    merged = models.ForeignKey(
        Contact, verbose_name=_("merged"), on_delete=models.CASCADE, related_name="merge_records"
    )
    identity_ids = models.JSONField(default=list)
    moved = models.JSONField(default=dict, db_default=NOTHING, editable=False)
    before = models.JSONField(default=dict, db_default=NOTHING, editable=False)
    reason = models.CharField(_("reason"), max_length=40)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    merged_at = models.DateTimeField(_("merged at"), auto_now_add=True)
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.merged_id} → {self.survivor_id}"


class ContactChannel(models.Model):
    """That a contact is known on a channel, and when they wrote there: who may see them, and how fast we answered.

    `has_history` and `first_live_inbound_at` as in Contact: what was written before the number was connected is
    nobody's work.
    """

    # Both are indexed by what stands below.
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="on_channels", db_index=False)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="contact_links", db_index=False)
    first_seen_at = models.DateTimeField()
    first_inbound_at = models.DateTimeField(null=True)
    last_inbound_at = models.DateTimeField(null=True)
    last_outbound_at = models.DateTimeField(null=True)
    has_history = models.BooleanField(default=False, db_default=False)
    first_live_inbound_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("contact on channel")
        verbose_name_plural = _("contacts on channels")
        constraints = [models.UniqueConstraint(fields=["contact", "channel"], name="contact_once_per_channel")]
        indexes = [
            # CS quality: contacts whose first inbound on a channel fell in a period. Segments of a team, from the index
            # alone: who is known on a channel.
            models.Index(fields=["channel", "first_inbound_at"], include=["contact"], name="contact_channel_covered"),
            # Who waits for an answer, the longest first: of a chat that was answered it holds nothing.
            models.Index(
                fields=["last_inbound_at", "contact"],
                include=["channel"],
                condition=Q(last_inbound_at__isnull=False)
                & (Q(last_outbound_at__isnull=True) | Q(last_outbound_at__lt=F("last_inbound_at"))),
                name="contact_channel_waits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} @ {self.channel_id}"


class Message(models.Model):
    """One message in or out. `ad` holds its ad referral, if it came by one, as the gateway told it.

    `history` marks what was said before the number was connected: it moves first and last times and is nobody's work.

    `kind` "waiting" stands for a message whose content may still follow, "unknown" for one of a type that nobody here
    has read about (`wire_type` is the gateway's name of it): it is shown, and counts in no figure.
    """

    # Both are indexed by what stands below.
    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    channel = models.ForeignKey(
        Channel, verbose_name=_("channel"), on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    identity = models.ForeignKey(ContactIdentity, null=True, on_delete=models.SET_NULL, related_name="+")
    external_id = models.CharField(_("WhatsApp id"), max_length=200)
    from_me = models.BooleanField(_("outgoing"))
    by_api = models.BooleanField(_("sent through the API"), null=True)
    kind = models.CharField(_("kind"), max_length=20, default="text")
    wire_type = models.CharField(_("unknown type"), max_length=60, blank=True, db_default="")
    text = models.TextField(_("text"), blank=True)
    at = models.DateTimeField(_("time"))
    at_source = models.CharField(_("source of the time"), max_length=10)
    received_at = models.DateTimeField(_("received at"))
    ad = models.JSONField(_("ad"), null=True, blank=True)
    inbox_id = models.BigIntegerField(null=True)
    history = models.BooleanField(_("from before"), default=False, db_default=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="message_once")]
        indexes = [
            # Contact page: the latest messages of one contact.
            models.Index(fields=["contact", "-at", "-id"], name="message_by_contact"),
            BrinIndex(fields=["at"], name="message_at_brin"),
        ]

    def __str__(self) -> str:
        return self.external_id


class Note(models.Model):
    """What a colleague wants the next one to know about a contact."""

    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("author"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.TextField(_("text"))
    created_at = models.DateTimeField(_("written at"), auto_now_add=True)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.text[:60]


class ConsentSource(models.TextChoices):
    MESSAGE = "message", _("written by the contact")
    PERSON = "person", _("noted by a colleague")
    IMPORT = "import", _("from a file")
    IMPORT_UNDONE = "import_undone", _("a file was taken back")
    API = "api", _("through the API")


class Consent(models.Model):
    """A contact agreed to be written to, or withdrew it: when, how that is known, and who noted it.

    `message` is the one that said so; its words are not repeated here. `reason` is why a colleague lets somebody in
    again who had opted out.
    """

    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="consents")
    given = models.BooleanField(_("given"))
    at = models.DateTimeField(_("time"))
    source = models.CharField(_("source"), max_length=40, choices=ConsentSource)
    message = models.ForeignKey(
        Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="", db_default="")
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["message"], name="consent_once_per_message")]

    def __str__(self) -> str:
        return f"{self.contact_id} {'+' if self.given else '-'}"


class OptOutWord(Archivable):
    """A word or sentence by which a contact opts out, when a message says it and nothing else.

    `key` is what is compared: the words alone, whatever stands around them (`labelcrm.lib.text.said`).
    """

    SHORTEST, LONGEST = 3, 100  # characters that say something; one of a foreign script may stand for many

    text = models.CharField(
        _("word or sentence"),
        max_length=60,
        help_text=_(
            "A message that says this and nothing else opts its contact out. Capital letters, punctuation, blanks and "
            "emoji make no difference."
        ),
    )
    key = models.CharField(max_length=LONGEST, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = LivingManager.over(ArchivableQuerySet)
    all_objects = ArchivableQuerySet.as_manager()

    class Meta(Archivable.Meta):
        verbose_name = _("opt-out word")
        verbose_name_plural = _("opt-out words")
        ordering = ["text"]
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(deleted_at__isnull=True), name="opt_out_word_once")
        ]

    def __str__(self) -> str:
        return self.text

    def clean(self) -> None:
        """Work out `key`. Raises ValidationError for what is too short, or is another spelling of a word there is."""
        self.key = said(self.text)
        if not self.SHORTEST <= len(self.key) <= self.LONGEST:
            raise ValidationError({"text": gettext("At least three letters or digits: shorter ones answer questions.")})
        same = None if self.is_archived else OptOutWord.objects.filter(key=self.key).exclude(pk=self.pk).first()
        if same is not None:
            raise ValidationError({"text": gettext("“%(text)s” is there already.") % {"text": same.text}})
