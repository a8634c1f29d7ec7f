"""An export that comes back changes nothing: thirty countries, LIDs, nasty names, and through a spreadsheet program."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from contacts.models import Agent, Campaign, Contact, ContactIdentity, IdentityKind
from labelcrm.core.models import AuditEntry
from labelcrm.lib import phones
from tests.desk.reports.test_pages import client_of
from tests.factories import AgentFactory, CampaignFactory, ContactFactory, TeamFactory, UserFactory
from tests.numbers import OLD_FORMS, mobiles
from tests.reports.world import day
from tests.transfer.test_exports import CSV, HOSTILE, PROGRAM_CSV, XLSX, body, export
from tests.transfer.test_imports import confirm, problems, totals, upload
from transfer import exports

pytestmark = pytest.mark.django_db

# Numbers that no plan lists, as gateways know them.
ODD_NUMBERS = ("+2904567", "+123456789012345", "+6281100001", "+628123450000123")
NAMES = [
    *HOSTILE, "007", "1e5", "3-4", "1/2", "TRUE", "yes", "#N/A", "#REF!", "nan", "None", "-", "sep=;", "a;b|c\td",
    "'", '"', "''", "  dua  spasi  ", "081234567890", "+62 812-3456-7890", "6281234567890", "6.28E+12",
    "31/12/2026 10.30", "1.500.000", "Rp1.500.000,-", "\u200fمحمد\u200f", "\u202eterbalik", "\u3164",
    "👨\u200d👩\u200d👧", "❤\ufe0f", "satu\r\ndua\ntiga", "x" * 200, "ж" * 200, "№²½", "wa.me/6281234567890",
    "=cmd|' /C calc'!A0", "\ufeffBOM", "ന\u0d4d\u200d", "phone", "id",
    "_x0041_", "tab\x0bulator\x0c",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def everybody() -> int:
    """Contacts of every kind; how many of them an export holds: nobody who opted out."""
    agent, campaign = AgentFactory(name="Rina, S.E."), CampaignFactory(name="=Lebaran")
    numbers = [*mobiles(4), *OLD_FORMS, *ODD_NUMBERS]
    for place, phone in enumerate(numbers):
        name = NAMES[place % len(NAMES)]
        told: dict[str, Any] = {"follow_up_at": day(20.123)} if place % 3 else {"opted_out_at": day(3)}
        known = {"assigned_to": agent if place % 2 else None, "campaign": campaign if place % 5 else None}
        ContactFactory(phone=phone, lid=f"2109876543{place:05d}" if place % 4 == 0 else "", name=name, **told, **known)
    for place, name in enumerate(NAMES):
        ContactFactory(phone="", lid=f"9988776655{place:04d}", name=name)
    for place in range(3):
        hidden = ContactFactory(phone="", user_id=f"ID.123{place}", username=f"budi{place}", name="")
        assert hidden.identities.filter(kind=IdentityKind.USER_ID, value=hidden.user_id).exists()
    return Contact.objects.filter(opted_out_at=None).count()


def state() -> list[Any]:
    """Everything that an import can write."""
    return [
        list(Contact.all_objects.order_by("pk").values()),
        list(ContactIdentity.objects.order_by("pk").values()),
        AuditEntry.objects.exclude(action__in=["contacts.exported", "contacts.imported", "job.started"]).count(),
        Agent.objects.count(),
        Campaign.objects.count(),
    ]


def comes_back_without_effect(client: Client, raw: bytes, kind: str, people: int) -> None:
    before = state()
    preview = upload(client, raw, kind)
    assert problems(preview) == {}
    changed = preview.context["view"].changes
    assert totals(preview) == (0, 0, people), changed
    confirm(client, preview)
    assert state() == before


@pytest.mark.parametrize(
    ("sent", "back"), [(CSV, CSV), (PROGRAM_CSV, CSV), (XLSX, XLSX)], ids=["csv", "program", "xlsx"]
)
def test_an_export_comes_back_without_effect(everybody: int, sent: str, back: str) -> None:
    client = client_of("marketing")
    comes_back_without_effect(client, body(export(client, kind=sent)), back, everybody)


def rewritten(raw: bytes, change: Any) -> bytes:
    """The CSV file with each row as a mapping changed by `change`, which returns the columns that are left."""
    rows = [change(row) for row in csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def scientific(digits: str) -> str:
    return f"{digits[0]}.{digits[1:]}E+{len(digits) - 1}" if digits else ""


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row | {"phone": row["phone"] and f"{row['phone']}.0", "id": f"{row['id']}.0"},
        lambda row: row | {"phone": scientific(row["phone"])},
        lambda row: row | {"phone": row["phone"] and f"'{row['phone']}"},
        lambda row: row | {"phone": row["phone"] and f"+{row['phone']}"},
        lambda row: dict(reversed(row.items())),
        lambda row: {name: row[name] for name in ("id", "phone", "lids", "name")},
        lambda row: {name: row[name] for name in ("id", "phone", "opted_out", "follow_up_at")},
    ],
    ids=["float", "scientific", "apostrophe", "plus", "reversed", "four columns", "no lids"],
)
def test_an_export_that_a_program_went_over_comes_back_without_effect(everybody: int, change: Any) -> None:
    client = client_of("marketing")
    raw = rewritten(body(export(client)), change)
    comes_back_without_effect(client, raw, CSV, everybody)


def test_an_export_cut_down_to_id_phone_and_name_knows_its_people(everybody: int) -> None:
    """Without the columns that only we write the ids are believed where the digits say the same."""
    client = client_of("marketing")
    Contact.objects.filter(phone="").delete()
    cut = rewritten(body(export(client)), lambda row: {name: row[name] for name in ("id", "phone", "name")})
    comes_back_without_effect(client, cut, CSV, Contact.objects.filter(opted_out_at=None).count())


@pytest.mark.parametrize("phone", mobiles(1))
def test_another_installation_makes_the_same_numbers_of_an_export(phone: str) -> None:
    contact = ContactFactory(phone=phone, name="Budi")
    client = client_of("marketing")
    raw = body(export(client))
    contact.identities.all().delete()
    contact.delete()
    confirm(client, upload(client, raw))
    assert list(Contact.objects.values_list("phone", "name")) == [(phone, "Budi")]


def test_the_id_of_an_export_says_who_is_meant() -> None:
    budi, siti = ContactFactory(name="Budi", phone="+6591234567"), ContactFactory(name="Siti")
    client = client_of("marketing")

    def sent(pk: Any, phone: str, name: str) -> Any:
        return upload(client, f"id,phone,lids,name\n{pk},{phone},,{name}\n")

    assert totals(sent(budi.pk, "6591234567", "Budi Santoso")) == (0, 1, 0)
    assert totals(sent(budi.pk, "", "Budi Santoso")) == (0, 1, 0)
    assert problems(sent(budi.pk, siti.phone[1:], "Budi")) == {"2": ["id"]}
    changed = sent(budi.pk, "081399990000", "Budi")
    assert problems(changed) == {"2": ["phone"]}
    assert "changes no numbers" in changed.content.decode()
    assert totals(sent("", "081399990000", "Baru")) == (1, 0, 0)
    assert totals(sent(2**63 - 1, "6591239999", "Baru")) == (1, 0, 0)
    for odd in ("²", "9" * 25, "0", "-1", "1_0"):
        assert totals(sent(odd, "081399990000", "Baru")) == (1, 0, 0)


def test_an_id_of_another_team_means_as_little_as_one_that_is_not_there() -> None:
    hidden = ContactFactory(name="Budi", phone="", lid="123456789")
    user = UserFactory(role="cs_lead", teams=[TeamFactory()])
    user.user_permissions.add(Permission.objects.get(codename="add_contact"))
    client = Client()
    client.force_login(user)
    answers = [
        upload(client, f"id,phone,lids,name\n{pk},{phone},,Lain\n")
        for phone in ("", "081399990000")
        for pk in (hidden.pk, 2**62)
    ]
    told = ["Nobody is known by this row" in answer.content.decode() for answer in answers]
    assert told == [True, True, False, False]
    assert [totals(answer) for answer in answers] == [(0, 0, 0), (0, 0, 0), (1, 0, 0), (1, 0, 0)]


def test_the_id_of_a_merged_contact_means_the_one_that_survived() -> None:
    survivor, merged = ContactFactory(name="Budi"), ContactFactory(name="Kembar", phone="", lid="123456789")
    merged.merged_into, merged.deleted_at = survivor, timezone.now()
    merged.save()
    row = f"id,phone,lids,name\n{merged.pk},,,Budi Santoso\n"
    client = client_of("marketing")
    confirm(client, upload(client, row))
    survivor.refresh_from_db()
    assert survivor.name == "Budi Santoso"


@pytest.mark.parametrize("phone", ODD_NUMBERS)
def test_a_number_that_no_plan_lists_is_known_where_somebody_has_it(phone: str) -> None:
    ContactFactory(phone=phone, name="Budi")
    client = client_of("marketing")
    for spelled in (phone, phone[1:]):
        assert totals(upload(client, f"phone,name\n{spelled},Budi Santoso\n")) == (0, 1, 0)


def test_ids_of_other_programs_mean_nobody_here() -> None:
    contact = ContactFactory(name="Budi")
    client = client_of("marketing")
    preview = upload(client, f"id,name,email,phone_number\n{contact.pk},Chatwoot,a@b.c,+6281399990000\n")
    assert totals(preview) == (1, 0, 0)
    assert "needs a column" in upload(client, f"id,name\n{contact.pk},Lain\n").content.decode()


# -- Through LibreOffice ---

LIBREOFFICE = shutil.which("soffice")
needs_libreoffice = pytest.mark.skipif(LIBREOFFICE is None, reason="LibreOffice is not installed")
CSV_FILTER = "Text - txt - csv (StarCalc)"
COMMA_QUOTE_UTF8 = "44,34,76,1"
AS_TEXT, AS_IT_LIKES = "2", "1"


def through_libreoffice(raw: bytes, folder: Path, *, source: str, target: str, columns: str = AS_TEXT) -> bytes:
    """A file that LibreOffice opened and saved; `columns` is the format that it gives to each column of a CSV file."""
    assert LIBREOFFICE is not None
    path = folder / f"kontak.{source}"
    path.write_bytes(raw)
    formats = "/".join(f"{place}/{columns}" for place in range(1, len(exports.COLUMNS) + 1))
    reads = [f"--infilter={CSV_FILTER}:{COMMA_QUOTE_UTF8},{formats}"] if source == "csv" else []
    saved = f"csv:{CSV_FILTER}:{COMMA_QUOTE_UTF8},,0,false,true,false" if target == "csv" else "xlsx"
    subprocess.run(
        [LIBREOFFICE, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", *reads,
         "--convert-to", saved, "--outdir", str(folder / "saved"), str(path)],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    return (folder / "saved" / f"kontak.{target}").read_bytes()


@needs_libreoffice
@pytest.mark.parametrize(
    ("sent", "source", "target", "back"),
    [(CSV, "csv", "csv", CSV), (CSV, "csv", "xlsx", XLSX), (XLSX, "xlsx", "xlsx", XLSX), (XLSX, "xlsx", "csv", CSV)],
    ids=["csv to csv", "csv to xlsx", "xlsx to xlsx", "xlsx to csv"],
)
def test_an_export_saved_by_libreoffice_comes_back_without_effect(
    everybody: int, tmp_path: Path, sent: str, source: str, target: str, back: str
) -> None:
    """A CSV file is opened with its columns marked as text."""
    client = client_of("marketing")
    saved = through_libreoffice(body(export(client, kind=sent)), tmp_path, source=source, target=target)
    comes_back_without_effect(client, saved, back, everybody)


@needs_libreoffice
@pytest.mark.parametrize(("target", "back"), [("csv", CSV), ("xlsx", XLSX)])
def test_phones_survive_where_libreoffice_makes_numbers_of_them(tmp_path: Path, target: str, back: str) -> None:
    """Opened as a CSV file without a word about its columns: up to 15 digits come back."""
    for phone in (*mobiles(2), *OLD_FORMS):
        ContactFactory(phone=phone, name="Budi", follow_up_at=day(20.123))
    client = client_of("marketing")
    raw = body(export(client))
    saved = through_libreoffice(raw, tmp_path, source="csv", target=target, columns=AS_IT_LIKES)
    comes_back_without_effect(client, saved, back, Contact.objects.count())


def test_every_phone_of_an_export_is_digits_with_the_country_code(everybody: int) -> None:
    client = client_of("marketing")
    for row in csv.DictReader(io.StringIO(body(export(client)).decode("utf-8-sig"), newline="")):
        phone = Contact.objects.get(pk=row["id"]).phone
        assert row["phone"] == phone.removeprefix("+")
        assert not phone or phones.as_written_by_us(row["phone"]) == phone
