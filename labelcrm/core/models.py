"""What every app above needs: people who log in and what their roles were given, the audit trail, jobs, heartbeats."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """Somebody who logs in. What they may do comes from groups, which rows they see from teams."""

    language = models.CharField(
        _("language"), max_length=5, choices=[("id", "Bahasa Indonesia"), ("en", "English")], default="id"
    )
    # How they like the pages: {"columns": {"contacts.contact": {"phone_shown": true, ...}}}. Never what they may see.
    preferences = models.JSONField(default=dict, db_default={}, blank=True, editable=False)

    class Meta(AbstractUser.Meta):
        swappable = "AUTH_USER_MODEL"


class AuditEntry(models.Model):
    """Who did what to which object, written in the same transaction as the action itself."""

    at = models.DateTimeField(_("time"), auto_now_add=True, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    action = models.CharField(_("action"), max_length=64)
    object_type = models.CharField(_("object type"), max_length=64)
    object_id = models.BigIntegerField(_("object id"), null=True, blank=True)
    object_name = models.CharField(_("object"), max_length=200, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering = ["-id"]
        indexes = [models.Index(fields=["object_type", "object_id"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_name}"


class PeopleServed(models.Model):
    """How many people the API showed a user on one business day, in all and by list; those of a page once each.

    Of who may not export, `seen` holds the contacts themselves (ids), each once, and nothing is counted beside it.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField(_("day"))
    people = models.PositiveIntegerField(_("people"))
    by_resource = models.JSONField(default=dict)
    seen = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        verbose_name = _("people served")
        verbose_name_plural = _("people served")
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="people_served_once_per_day")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.day}: {self.people or len(self.seen)}"


class JobRun(models.Model):
    """One run of a scheduled job for one period. The unique pair makes a second scheduler harmless."""

    job = models.CharField(_("job"), max_length=64)
    period = models.CharField(_("period"), max_length=40)
    started_at = models.DateTimeField(_("started at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    ok = models.BooleanField(_("succeeded"), null=True)
    result = models.JSONField(_("result"), default=dict, blank=True)

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["job", "period"], name="one_run_per_job_and_period")]

    def __str__(self) -> str:
        return f"{self.job} {self.period}"


class Job(models.Model):
    """Long work: what was asked for, how far it is, and what came of it.

    `labelcrm.core.jobs` says how it runs. The row is the truth: a worker that dies, a wiped Redis and a task that is
    delivered twice change nothing in it.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("at work")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    kind = models.CharField(_("kind"), max_length=60)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("user"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    parameters = models.JSONField(default=dict)
    subject = models.CharField(max_length=100, blank=True)  # jobs of one subject run one after the other; "" = alone
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    cursor = models.JSONField(default=dict)  # where the next step goes on
    progress = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    result = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)  # of the present step
    not_before = models.DateTimeField(null=True)  # after a fault of ours
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("work")
        ordering = ["-id"]
        indexes = [
            # The sweep, and "is another job of this subject before me".
            models.Index(fields=["id"], condition=Q(state__in=("queued", "running")), name="job_unfinished"),
            models.Index(fields=["owner", "-id"], name="job_by_owner"),  # the page of one's own work
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def is_finished(self) -> bool:
        return self.state not in (self.State.QUEUED, self.State.RUNNING)


class Notice(models.Model):
    """Something that one user is told once: on every page until they have seen it, and perhaps by e-mail.

    `topic` and `subject` name what it is about; its words are made when it is read (`labelcrm.core.notices`). The row
    says what became of the e-mail, so that nobody gets the same one twice.
    """

    class Mail(models.TextChoices):
        NONE = "none", _("no e-mail")
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("not sent")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    topic = models.CharField(max_length=30)
    subject = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True)
    mail = models.CharField(_("e-mail"), max_length=10, choices=Mail, default=Mail.NONE)
    mail_at = models.DateTimeField(null=True)  # when it is due, and once somebody sends it since when
    mail_tries = models.PositiveSmallIntegerField(default=0)
    mail_error = models.CharField(max_length=300, blank=True)

    class Meta:
        default_permissions = ()
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [models.UniqueConstraint(fields=["user", "topic", "subject"], name="told_once")]
        indexes = [
            models.Index(fields=["user", "-id"], condition=Q(seen_at=None), name="notice_unseen"),
            models.Index(fields=["mail_at"], condition=Q(mail__in=("waiting", "sending")), name="notice_mail_due"),
            models.Index(fields=["topic", "subject"], name="notice_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.subject} for {self.user_id}"


class JobFile(models.Model):
    """A part of a file that a job reads or writes, kept where every web and worker process reaches it.

    A part is written in the transaction that saves the job's cursor, so it is there once, whatever happens.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="files", db_index=False)
    name = models.CharField(max_length=200)
    part = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "name", "part"], name="job_file_part_once")]

    def __str__(self) -> str:
        return f"{self.job_id} {self.name} {self.part}"


class Heartbeat(models.Model):
    """The last sign of life of a process that works behind the scenes ("worker", "slow", "beat")."""

    name = models.CharField(_("process"), max_length=64, unique=True)
    at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


class Setting(models.Model):
    """A value that an installation keeps by its key. The demo does, to know how far it was played."""

    key = models.CharField(_("key"), max_length=64, unique=True)
    value = models.JSONField(_("value"))
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("setting")
        verbose_name_plural = _("settings")

    def __str__(self) -> str:
        return self.key


class RoleGrant(models.Model):
    """A permission that labelcrm once gave a role: given once, so that what people take out of a role stays out."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+")
    permission = models.CharField(max_length=200)  # "contacts.view_contact", which outlives the row of the permission

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["group", "permission"], name="granted_once_per_role")]

    def __str__(self) -> str:
        return self.permission
