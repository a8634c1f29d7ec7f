"""Labels suggested from what chats say: the words for it, what people dismissed, and what was learned."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contacts.models import Contact
from labelcrm.core.soft_deletion import Archivable, ArchivableQuerySet, LivingManager
from labels.models.canonical import Label
from labels.rules.label_words import BOTH, CERTAIN, CUSTOMER, LIKELY, MOST_WORDS, US
from labels.rules.message_words import phrase_key


class LabelWord(Archivable):
    """A word or phrase that tells a label, where this side of the chat writes it. Archived ones tell nothing.

    `key` is what is compared (`labels.rules.message_words`).
    """

    class Writer(models.TextChoices):
        CUSTOMER = CUSTOMER, _("the customer")
        US = US, _("we")
        BOTH = BOTH, _("either")

    class Sure(models.TextChoices):
        CERTAIN = CERTAIN, _("certain")
        LIKELY = LIKELY, _("likely")

    label = models.ForeignKey(Label, verbose_name=_("label"), on_delete=models.PROTECT, related_name="words")
    phrase = models.CharField(
        _("word or phrase"),
        max_length=100,
        help_text=_(
            "Capital letters, signs, doubled letters, shorthand (brp, tf, udh) and forms of address (kak, min) make no "
            "difference. A denial before it (belum, ga jadi) is understood."
        ),
    )
    key = models.CharField(max_length=400, editable=False)
    side = models.CharField(_("who writes it"), max_length=10, choices=Writer, default=Writer.CUSTOMER)
    sure = models.CharField(_("how sure"), max_length=10, choices=Sure, default=Sure.LIKELY)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = LivingManager.over(ArchivableQuerySet)
    all_objects = ArchivableQuerySet.as_manager()

    class Meta(Archivable.Meta):
        verbose_name = _("suggestion word")
        verbose_name_plural = _("suggestion words")
        ordering = ["label__step", "label", "phrase"]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "side"], condition=Q(deleted_at__isnull=True), name="label_word_once"
            )
        ]

    def __str__(self) -> str:
        return self.phrase

    def clean(self) -> None:
        """Work out `key`. Raises ValidationError for what says nothing, is too long, or tells a label already."""
        key = phrase_key(self.phrase)
        self.key = " ".join(key)
        if not key or len(self.key) < 2 or not any(map(str.isalpha, self.key)):
            raise ValidationError(
                {"phrase": gettext("Nothing is left of it to look for: write a word that says more.")}
            )
        if len(key) > MOST_WORDS:
            raise ValidationError({"phrase": gettext("At most %(n)d words.") % {"n": MOST_WORDS}})
        same = None if self.is_archived else self._same()
        if same is not None:
            words = {"phrase": same.phrase, "label": same.label}
            raise ValidationError({"phrase": gettext("“%(phrase)s” tells “%(label)s” already.") % words})

    def _same(self) -> LabelWord | None:
        """The living word that the same message would be found by."""
        sides = list(self.Writer) if self.side == self.Writer.BOTH else [self.side, self.Writer.BOTH]
        rows = LabelWord.objects.filter(key=self.key, side__in=sides).exclude(pk=self.pk).select_related("label")
        found: LabelWord | None = rows.first()
        return found


class SuggestionDismissal(models.Model):
    """Somebody said that a label is not to be suggested for what a contact wrote up to a message (`until`)."""

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="suggestion_dismissals"
    )
    label = models.ForeignKey(Label, verbose_name=_("label"), on_delete=models.PROTECT, related_name="+")
    until = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("dismissed suggestion")
        verbose_name_plural = _("dismissed suggestions")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.label_id} on {self.contact_id}"


class SuggestionTraining(models.Model):
    """One training of the models of this business's own chats; the newest replaces the one before.

    `learned_from` and `held_back` count moments at which labels were put on; the held-back ones are the latest, from
    `held_back_from` on. `terms` is how many words and pairs the models know.
    """

    trained_at = models.DateTimeField(_("trained at"))
    learned_from = models.PositiveIntegerField()
    held_back = models.PositiveIntegerField()
    held_back_from = models.DateTimeField(null=True)
    terms = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.trained_at:%Y-%m-%d}"


class LabelTextModel(models.Model):
    """What a training learned of one label: its weights (`labels.rules.text_model`), and how it did beside the words.

    On the held-back chats: `labelled` got the label; of the `*_said` that it was suggested for, `*_right` did.
    `used` says that it beats the words; only then it suggests.
    """

    training = models.ForeignKey(SuggestionTraining, on_delete=models.CASCADE, related_name="models", db_index=False)
    label = models.ForeignKey(Label, verbose_name=_("label"), on_delete=models.PROTECT, related_name="text_models")
    weights = models.JSONField()
    digest = models.CharField(max_length=64)
    used = models.BooleanField()
    labelled = models.PositiveIntegerField()
    words_said = models.PositiveIntegerField()
    words_right = models.PositiveIntegerField()
    model_said = models.PositiveIntegerField()
    model_right = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["training", "label"], name="one_text_model_a_label")]

    def __str__(self) -> str:
        return f"{self.label_id} of {self.training_id}"
