"""Every word that is known about a person, written as in real life, is found only where the register looks for it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from contacts.models import Contact, ContactMerge
from labelcrm.core import scheduled
from labelcrm.core.models import JobFile, User
from labelcrm.schedule import JOBS
from labels.models import Label
from labels.services.merging import merge
from labels.services.staleness import snooze
from tests.adversarial.number import Number, minutes
from tests.factories import UserFactory
from tests.transfer.columns import columns_with
from tests.webhooks.gateways.payloads import PAYLOADS, Ad
from tests.work import do_work
from transfer.personal_data import REGISTER, About, DataPlace, Kept
from webhooks.models import InboundEvent

pytestmark = pytest.mark.django_db

# What is known about a customer. Phones without their country: every spelling of ours has the rest.
PHONE, OTHER_PHONE, FILE_PHONE = "6281377700001", "6281377700002", "6281377700003"
LID, USER_ID, PARENT_ID = "777000111222333", "ID.7770001112223", "ID.ENT.7770001112"
NAME, OTHER_NAME, TYPED_NAME, USERNAME = "Namapelanggan", "Namalain", "Namaketikan", "namapengguna.wa"
TEXT, NOTE, REASON, MESSAGE_ID = "Isipesan", "Isicatatan", "Alasanmasih", "3EB0PESANKU"
AD = Ad(source_url="https://fb.me/alamatiklan", click_id="ARAk-klikiklan", ref="ref-iklanku", headline="Juduliklan")
OF_CUSTOMERS = {
    *(phone.removeprefix("62") for phone in (PHONE, OTHER_PHONE, FILE_PHONE)), LID, USER_ID, PARENT_ID, NAME,
    OTHER_NAME, TYPED_NAME, USERNAME, TEXT, NOTE, REASON, MESSAGE_ID, "alamatiklan", AD.click_id, AD.ref, AD.headline,
}  # fmt: skip
# ... and about somebody who works here.
LOGIN, FIRST_NAME, LAST_NAME, EMAIL = "penggunakita", "Namadepan", "Namabelakang", "surel@contoh.id"
ADDRESS, BROWSER, AGENT, PASSWORD = "192.0.2.77", "Perambanku/1.0", "namaagen", "kata sandi panjang"
OF_STAFF = {LOGIN, FIRST_NAME, LAST_NAME, EMAIL, ADDRESS, BROWSER, AGENT}
# Where some of it must be found, else the story would prove little.
CUSTOMERS_STAND_IN = {
    "contacts_campaigntouch.evidence", "contacts_contact.lid", "contacts_contact.name", "contacts_contact.phone",
    "contacts_contact.user_id", "contacts_contact.username", "contacts_contactidentity.value",
    "contacts_contactmerge.before", "contacts_message.ad", "contacts_message.external_id", "contacts_message.text",
    "contacts_note.text", "core_jobrun.result", "labels_stalesnooze.reason", "webhooks_inboundevent.body",
    "webhooks_inboundevent.reason",
}  # fmt: skip
STAFF_STANDS_IN = {
    "axes_accessattempt.ip_address", "axes_accessattempt.user_agent", "axes_accessattempt.username",
    "axes_accesslog.ip_address", "axes_accesslog.user_agent", "axes_accesslog.username", "contacts_agent.code",
    "contacts_agent.name", "core_auditentry.details", "core_auditentry.object_name", "core_user.email",
    "core_user.first_name", "core_user.last_name", "core_user.username",
}  # fmt: skip
NOT_SAID = "REGISTER of transfer/personal_data.py does not say that these columns hold something about a person"
IMPORT = "/admin/imports/?kind=contacts"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    cache.clear()


def listed(*about: About) -> set[str]:
    return {entry.place for entry in REGISTER if entry.kind is DataPlace.COLUMN and entry.about in about}


# -- A story in which everything is said once -------------------------------------------------------------------------


def everybody_tells() -> None:
    """Every gateway tells of one customer: a message with an ad, an answer, a label."""
    for n, gateway in enumerate(PAYLOADS):
        number = Number(gateway, f"cs{n}", own=f"628120000000{n}", agent=AGENT)
        say = number.say
        number.hear(
            say.message(PHONE, text=TEXT, name=NAME, ad=AD, message_id=f"{MESSAGE_ID}{n}", at=minutes(n)),
            say.message(PHONE, text=TEXT, name=NAME, from_me=True, message_id=f"{MESSAGE_ID}-{n}", at=minutes(n + 1)),
        )
        if gateway != "cloudapi":
            number.hear(say.label_on_chat(PHONE, "7", on=True, at=minutes(n + 2)))
        number.drain()


def they_go_by_other_names() -> None:
    """A LID and Meta's ids turn out to be the same person; two posts cannot be read."""
    gowa = Number("gowa", "lid", own="6281200000021")
    gowa.label(f"{LID}@lid", "7", minutes(20))
    gowa.drain()
    gowa.label(PHONE, "7", minutes(30), chat_lid=f"{LID}@lid")
    gowa.drain()
    meta = Number("cloudapi", "meta", own="6281200000022")
    who: dict[str, Any] = {"parent_id": PARENT_ID, "name": OTHER_NAME, "username": USERNAME}
    meta.take(meta.say.written_by(USER_ID, message_id="wamid.1", **who))
    meta.take(meta.say.written_by(USER_ID, message_id="wamid.2", phone=PHONE, **who))
    bridge = Number("generic", "bridge", own="6281200000023")
    bridge.hear(bridge.say.message(f"{PHONE}-{NAME}", text=TEXT, name=NAME, message_id="odd"))
    bridge.take(bridge.say.event("status", status=NAME))


def somebody_works(user: User) -> None:
    """A user mistypes a password, notes, snoozes, imports, merges, renames, exports, searches and reads by program."""
    client = Client(REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT=BROWSER)
    for password in ("salah sekali", PASSWORD):
        client.post("/admin/login/", {"username": LOGIN, "password": password})
    contact = Contact.objects.get(phone=f"+{PHONE}")
    page = f"/admin/contacts/contact/{contact.pk}/"
    client.post(f"{page}notes/", {"text": NOTE})
    label = Label.objects.filter(cleanspells__contact=contact, cleanspells__ended_at=None).first()
    assert label is not None
    snooze(contact=contact, label=label, actor=user, reason=REASON)
    client.post(f"{upload(client).url}confirm/")
    do_work()
    merge(survivor_id=contact.pk, merged_id=of_file(FILE_PHONE).pk, reason="person", actor=user)
    client.post(f"{page}change/", {"name": f"{TYPED_NAME} dua"})
    client.post(f"/admin/contacts/contact/export/?q={TYPED_NAME}", {"asked": "1", "layout": "csv"})
    do_work()
    assert any(TYPED_NAME.encode() in bytes(file.body) for file in JobFile.objects.all())
    client.get("/admin/contacts/contact/", {"q": TYPED_NAME})
    client.get("/admin/")
    key = Token.objects.create(user=user).key
    assert client.get("/api/v1/contacts/", {"q": NAME}, headers={"Authorization": f"Token {key}"}).status_code == 200
    upload(client)  # never confirmed


def upload(client: Client) -> Any:
    content = f"nama,no hp\n{TYPED_NAME},{FILE_PHONE}\n,{OTHER_PHONE}\n".encode()
    file = SimpleUploadedFile("kontak.csv", content)
    answer = client.post(IMPORT, {"file": file})
    do_work()
    return answer


def of_file(phone: str) -> Contact:
    return Contact.objects.get(phone=f"+{phone}")


def a_nightly_job_fails() -> None:
    def work() -> dict[str, Any]:
        raise ValueError(f"{TEXT} is no number")

    with pytest.raises(ValueError, match=TEXT):
        scheduled.once_per_period("check", "2026-03-02", work)


@pytest.fixture
def user() -> User:
    return UserFactory(username=LOGIN, first_name=FIRST_NAME, last_name=LAST_NAME, email=EMAIL, is_superuser=True)


@pytest.fixture
def _story(user: User) -> None:
    everybody_tells()
    they_go_by_other_names()
    somebody_works(user)
    a_nightly_job_fails()
    assert ContactMerge.objects.count() == 3


# -- Where it is found ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_story")
def test_words_about_a_customer_stand_only_in_columns_of_the_register() -> None:
    found = columns_with(OF_CUSTOMERS)
    assert sorted(found.keys() - listed(About.CONTACT, About.BOTH)) == [], NOT_SAID
    assert found.keys() >= CUSTOMERS_STAND_IN, "the story leaves these out by now"
    assert set().union(*found.values()) == OF_CUSTOMERS


@pytest.mark.usefixtures("_story")
def test_words_about_staff_stand_only_in_columns_of_the_register() -> None:
    found = columns_with(OF_STAFF)
    assert sorted(found.keys() - listed(About.STAFF, About.BOTH)) == [], NOT_SAID
    assert found.keys() >= STAFF_STANDS_IN, "the story leaves these out by now"
    assert set().union(*found.values()) == OF_STAFF


@pytest.mark.usefixtures("_story")
def test_files_and_keys_of_the_cache_are_in_the_register() -> None:
    places = {entry.place for entry in REGISTER}
    assert not list(Path(settings.MEDIA_ROOT).iterdir()), "uploads wait in the database"
    redis: Any = cache._cache.get_client()  # type: ignore[attr-defined]
    keys = {key.decode().split(":")[2] for key in redis.keys(f"{cache.key_prefix}:*")}  # prefix, version, name
    assert keys == {"throttle"}
    assert "throttle:*" in places


@pytest.mark.usefixtures("_story")
def test_what_the_broker_holds_names_nobody() -> None:
    redis: Any = cache._cache.get_client()  # type: ignore[attr-defined]
    told = b"".join(b"".join(redis.lrange(queue, 0, -1)) for queue in ("celery", "slow")).decode().lower()
    assert not [word for word in OF_CUSTOMERS | OF_STAFF if word.lower() in told]


# -- How long ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_story")
def test_only_what_the_register_says_is_gone_after_a_year() -> None:
    """Every scheduled task runs a year later, and somebody else logs in."""
    before = columns_with(OF_CUSTOMERS | OF_STAFF)
    current_app.loader.import_default_modules()
    with time_machine.travel(timezone.now() + timedelta(days=366)):
        for job in JOBS:
            current_app.tasks[job.task].run()
        do_work()
        Client().post("/admin/login/", {"username": UserFactory(is_superuser=True).username, "password": PASSWORD})
    after = columns_with(OF_CUSTOMERS | OF_STAFF)
    gone = {column for column, words in before.items() if words - after.get(column, set())}
    ends = {entry.place for entry in REGISTER if entry.kept in (Kept.BODY, Kept.LOGIN, Kept.JOB, Kept.JOB_FILE)}
    assert gone == before.keys() & ends
    with_body = InboundEvent.objects.exclude(body=b"")
    assert set(with_body.values_list("state", flat=True)) == {InboundEvent.State.PARKED}
