"""What the jobs of this app share: whose they are, the files they keep, and the links those are downloaded by.

A job's files (`JobFile`) hold names and numbers of people, so they are forgotten as soon as nobody needs them: what a
job keeps for itself when it ends, and what it made a week later (`labelcrm.core.jobs.forget_old_files`).
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.core.signing import BadSignature, Signer
from django.db.models import QuerySet, Sum
from django.db.models.functions import Length
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from contacts.selectors.viewing import has_left
from labelcrm.core import jobs
from labelcrm.core.jobs import JobRefused
from labelcrm.core.models import Job, JobFile, User

PART_BYTES = 4 * 1024 * 1024  # of a part of a file, as far as its size is ours to choose
MADE, PROBLEMS = "file", "problems"  # the files that can be downloaded
IDS = "ids"  # which rows, packed 64-bit numbers
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_INT64 = "q"
_signer = Signer(salt="transfer.files")


# -- Whose job it is --------------------------------------------------------------------------------------------------


def owner_with(job: Job, rights: tuple[str, ...], *, code: str, sentence: str) -> User:
    """The job's owner as of now. Raises JobRefused for who lacks one of the rights, has left or is switched off."""
    owner = User.objects.select_related("agent").filter(pk=job.owner_id or 0).first()
    if owner is None or not owner.has_perms(rights) or has_left(owner):
        raise JobRefused(code, sentence)
    return owner


@contextmanager
def in_language_of(job: Job) -> Iterator[None]:
    """What is written within the block is in the language that the owner read when they asked for the job."""
    with translation.override(job.parameters["language"]):
        yield


# -- Files ------------------------------------------------------------------------------------------------------------


def write_blocks(job: Job, name: str, read: Callable[[int], bytes]) -> None:
    """Keep what `read` (of a file that is open) gives, in parts of a few MB."""
    part = 0
    while block := read(PART_BYTES):
        jobs.write_part(job, name, part, block)
        part += 1


def read_part(job: Job, name: str, part: int) -> bytes:
    """One part of a file. Raises JobRefused when it was deleted, as those of a failed job are after a while."""
    body = JobFile.objects.filter(job=job, name=name, part=part).values_list("body", flat=True).first()
    if body is None:
        raise JobRefused("files_gone", _("What was begun was deleted in the meantime: begin anew."))
    return bytes(body)


def keep_ids(job: Job, rows: QuerySet[Any], *, size: int) -> int:
    """Take down which rows, `size` in a part and the first part even if there are none; how many rows.

    A list that is chosen by filters is chosen in the request that has them: a worker would read it differently.
    """
    ids = rows.values_list("pk", flat=True).iterator(chunk_size=size)
    parts = list(iter(lambda: array(_INT64, islice(ids, size)), array(_INT64))) or [array(_INT64)]
    # A fifth of the bytes: to store a million as they are takes longer than to read them.
    packed = (zlib.compress(part.tobytes(), level=1) for part in parts)
    JobFile.objects.bulk_create(JobFile(job=job, name=IDS, part=n, body=body) for n, body in enumerate(packed))
    return sum(map(len, parts))


def kept_ids(job: Job, part: int) -> list[int]:
    """One part of them. Raises JobRefused when they were deleted."""
    ids = array(_INT64)
    ids.frombytes(zlib.decompress(read_part(job, IDS, part)))
    return ids.tolist()


def all_kept_ids(job: Job) -> list[int]:
    """All of them. Raises JobRefused when they were deleted."""
    parts = JobFile.objects.filter(job=job, name=IDS).count()
    return [pk for part in range(max(parts, 1)) for pk in kept_ids(job, part)]


# -- Links ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Download:
    """A file of a job that ended. `expires_at` counts from the job's end: looking at the link again renews nothing."""

    job: Job
    name: str

    @property
    def expires_at(self) -> datetime:
        assert self.job.finished_at is not None, "only what ended has files to download"
        return self.job.finished_at + jobs.files_kept(self.job)

    @property
    def size(self) -> int:
        """In bytes; 0 when it was deleted, or never made."""
        parts = JobFile.objects.filter(job=self.job, name=self.name)
        return int(parts.aggregate(size=Sum(Length("body")))["size"] or 0)

    @property
    def is_over(self) -> bool:
        return self.expires_at <= timezone.now()

    @property
    def suffix(self) -> str:
        return "xlsx" if self.name == MADE and self.job.parameters["format"] == "xlsx" else "csv"

    @property
    def filename(self) -> str:
        """By what the file is about, its `called` or report or kind, and when it was asked for."""
        asked = self.job.parameters
        subject = asked.get("called") or asked.get("report") or self.job.kind.partition(".")[0]
        subject = subject if self.name == MADE else f"{subject}-{self.name}"
        return f"{subject}-{timezone.localtime(self.job.created_at):%Y%m%d-%H%M}.{self.suffix}"

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.suffix]


def link(job: Job, name: str) -> str:
    """The address of a file as long as it is kept; whoever has it needs no login. "" when that is over."""
    if Download(job, name).is_over:
        return ""
    return reverse("job-file", args=[_signer.sign(f"{job.pk}:{name}")])


def opened(signed: str) -> Download | None:
    """The file that a link means; None for one that nobody signed."""
    try:
        pk, _colon, name = _signer.unsign(signed).partition(":")
    except BadSignature:
        return None
    job = Job.objects.filter(pk=int(pk), finished_at__isnull=False).first()
    return Download(job, name) if job is not None else None
