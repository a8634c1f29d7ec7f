"""The register of personal data is whole: no column, file or cache is left out, and what it says is so."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models

from api.base.throttling import WINDOW
from contacts.models import Agent, Contact, ContactIdentity
from labelcrm.core import jobs
from labelcrm.core.models import User
from tests.test_structure import sources
from tests.transfer.columns import columns, pointing_to, wordy
from transfer import personal_data_page
from transfer.personal_data import (
    REGISTER,
    About,
    DataPlace,
    Erase,
    Kept,
    PersonalData,
)
from transfer.without_people import MODULES_WITHOUT_PEOPLE, WITHOUT_PEOPLE

REGISTERED = {entry.place for entry in REGISTER if entry.kind is DataPlace.COLUMN}
ROWS = {entry.place: entry for entry in REGISTER if entry.kind is DataPlace.ROW}
EXCUSED = {place for group in WITHOUT_PEOPLE for place in group.places}
# Whoever points to one of these says something about a person.
CUSTOMERS, STAFF = (Contact, ContactIdentity), (Agent, User)
# How code keeps something outside of the database: a file, a cache, the memory of a process.
REMEMBERS = ("MEDIA_ROOT", "default_storage", "django.core.cache", "from redis", "lru_cache(", "tempfile")

ADD = (
    "Add {missing} to transfer/personal_data.py: to REGISTER if it can hold something about a person, with how it is"
    " erased, given and kept, else to WITHOUT_PEOPLE. Then `make pages`."
)
GONE = "{gone} of transfer/personal_data.py is no column of the database any more: take it out. Then `make pages`."


def said_of(place: str) -> PersonalData:
    [entry] = [entry for entry in REGISTER if entry.place == place]
    return entry


def unlisted() -> list[str]:
    """Columns that hold words and of which nobody said whether they are about a person."""
    return sorted(wordy() - REGISTERED - EXCUSED)


# -- The schema -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_column_with_words_is_in_the_register_or_excused() -> None:
    assert not unlisted(), ADD.format(missing=", ".join(unlisted()))


@pytest.mark.django_db
def test_every_column_of_the_register_exists() -> None:
    there = {f"{table}.{column}" for table, column, _, _ in columns()} | {table for table, *_ in columns()}
    gone = (REGISTERED | EXCUSED | ROWS.keys()) - there
    assert not gone, GONE.format(gone=", ".join(sorted(gone)))


def test_nothing_is_listed_twice() -> None:
    places = Counter([*(entry.place for entry in REGISTER), *(p for group in WITHOUT_PEOPLE for p in group.places)])
    assert [place for place, times in places.items() if times > 1] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "kind",
    [
        "text", "varchar(9)", "char(3)", '"char"', "name", "json", "jsonb", "xml", "bytea", "text[]", "bigint[]",
        "inet", "cidr", "macaddr", "tsvector", "point", "bit(3)", "mood", "address", "pair", "citext", "hstore",
    ],
)  # fmt: skip
def test_a_new_column_of_any_type_with_words_is_noticed(kind: str) -> None:
    with connection.cursor() as cursor:
        if kind in ("citext", "hstore"):
            cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = %s", [kind])
            if cursor.fetchone() is None:
                pytest.skip(f"this PostgreSQL has no {kind}")
            cursor.execute(f"CREATE EXTENSION IF NOT EXISTS {kind}")
        cursor.execute("CREATE TYPE mood AS ENUM ('a'); CREATE DOMAIN address AS text; CREATE TYPE pair AS (a text)")
        cursor.execute(f"ALTER TABLE contacts_contact ADD COLUMN nickname {kind}")
    assert unlisted() == ["contacts_contact.nickname"]


@pytest.mark.django_db
def test_a_new_table_is_noticed_and_its_partitions_are_not_asked_for_again() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE wishes (id bigint, day date, wish text) PARTITION BY RANGE (day)")
        cursor.execute("CREATE TABLE wishes_2026 PARTITION OF wishes FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
        cursor.execute("CREATE TABLE numbers (id bigint, n numeric, at timestamptz, span tstzrange, key uuid, ok bool)")
        cursor.execute("CREATE MATERIALIZED VIEW names AS SELECT name FROM contacts_contact")
    assert unlisted() == ["names.name", "wishes.wish"]


# -- Rows -------------------------------------------------------------------------------------------------------------


def related(targets: tuple[type[models.Model], ...]) -> set[str]:
    """Tables of models that point to these, also where the database does not check it."""
    return {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
        if any(field.related_model in targets for field in model._meta.concrete_fields)
    }


@pytest.mark.django_db
@pytest.mark.parametrize(("targets", "about"), [(CUSTOMERS, About.CONTACT), (STAFF, About.STAFF)])
def test_every_table_that_points_to_a_person_has_a_line(targets: tuple[type[models.Model], ...], about: About) -> None:
    tables = related(targets) | pointing_to(*(model._meta.db_table for model in targets))
    assert not tables - ROWS.keys(), ADD.format(missing=f"the rows of {', '.join(sorted(tables - ROWS.keys()))}")
    wrong = [table for table in sorted(tables) if ROWS[table].about not in (about, About.BOTH)]
    assert not wrong, f"rows of {wrong} are about {about.value}, too"


# -- Files and caches -------------------------------------------------------------------------------------------------


def test_every_module_that_remembers_something_says_whether_it_is_personal() -> None:
    named = {module for entry in REGISTER for module in entry.modules}
    excused = {module for group in MODULES_WITHOUT_PEOPLE for module in group.places}
    here = {path for path, text in sources().items() if any(word in text for word in REMEMBERS)}
    here -= {"transfer/personal_data.py"}
    assert not here - named - excused, ADD.format(missing=f"what {', '.join(sorted(here - named - excused))} keeps")
    assert not excused - here, "these keep nothing any more"
    assert not named - sources().keys(), "these modules are gone"
    assert not named & excused


def test_nothing_is_kept_where_the_register_does_not_look() -> None:
    assert set(settings.CACHES) == {"default"}, "name what a new cache holds in transfer/personal_data.py"
    assert settings.SESSION_ENGINE == "django.contrib.sessions.backends.db", "sessions are listed as a table"
    files = [
        field
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.FileField)
    ]
    assert not files, "name the folder of an upload field in transfer/personal_data.py"


def test_only_columns_and_rows_name_tables() -> None:
    assert all(entry.table for entry in REGISTER if entry.kind in (DataPlace.COLUMN, DataPlace.ROW))
    assert not any(entry.table for entry in REGISTER if entry.kind not in (DataPlace.COLUMN, DataPlace.ROW))


# -- What it says -----------------------------------------------------------------------------------------------------


def test_spans_of_time_are_those_of_the_code() -> None:
    assert said_of("throttle:*").kept == timedelta(seconds=WINDOW + 5)
    assert f"{settings.INBOX_BODY_DAYS} days" in Kept.BODY
    assert f"{jobs.KEPT.days} days" in Kept.JOB
    assert f"{jobs.FILES_KEPT.days} days" in Kept.JOB_FILE
    assert f"{jobs.FAILED_FILES_KEPT.days} day" in Kept.JOB_FILE
    assert f"{settings.AXES_COOLOFF_TIME * 60:g} minutes" in Kept.LOGIN
    assert f"{timedelta(seconds=settings.SESSION_COOKIE_AGE).days} days" in Kept.SESSION


def test_what_hangs_on_a_contact_goes_with_it() -> None:
    """Nothing that is kept as long as the contact stays when the contact is erased."""
    with_contact = [entry for entry in REGISTER if entry.kept in (Kept.CONTACT, Kept.SOURCE)]
    assert {entry.erase for entry in with_contact} == {Erase.ROW, Erase.HASH, Erase.REMADE}
    stays = [entry.place for entry in REGISTER if entry.erase is Erase.STAYS and entry.kept is not Kept.FOR_EVER]
    assert stays == []


def test_the_page_is_made_from_the_register() -> None:
    assert personal_data_page.PAGE.read_text(encoding="utf-8") == personal_data_page.markdown(), "run `make pages`"


def test_the_introduction_of_the_page_is_short() -> None:
    assert len(personal_data_page.LEAD.splitlines()) <= 20
