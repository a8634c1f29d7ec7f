"""What the search finds besides rows: reports and other pages of the menu, and actions. No query is made for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.translation import gettext_lazy

from contacts.selectors.viewing import viewer_of
from desk.search.hits import MOST, Hit, HitGroup
from desk.theme import navigation
from transfer import import_job, people_export

REPORTS = "/admin/reports/"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAction:
    """Something one can do, for who has all the rights. `words` are what people type for it, in both languages."""

    title: Any
    icon: str
    view: str
    rights: tuple[str, ...] = ()
    query: str = ""
    words: str = ""


ACTIONS = (
    SearchAction(
        title=gettext_lazy("Connect a number"), icon="add_link", view="connect", rights=("contacts.add_channel",),
        words="whatsapp gateway tambah sambungkan pasang baru new add channel",
    ),
    SearchAction(
        title=gettext_lazy("Add a person"), icon="person_add", view="admin:core_user_add", rights=("core.add_user",),
        words="tambah buat pengguna akun karyawan undang user account invite new",
    ),
    SearchAction(
        title=gettext_lazy("Add a CS"), icon="support_agent", view="admin:contacts_agent_add",
        rights=("contacts.add_agent",), words="tambah buat agen karyawan agent new",
    ),
    SearchAction(
        title=gettext_lazy("Import contacts"), icon="upload", view="imports", query="kind=contacts",
        rights=import_job.CONTACTS.rights, words="impor kontak unggah masukkan upload csv excel xlsx",
    ),
    SearchAction(
        title=gettext_lazy("Export contacts"), icon="download", view="admin:contacts_contact_export",
        rights=people_export.RIGHTS, words="ekspor kontak unduh download csv excel xlsx broadcast siaran",
    ),
    SearchAction(
        title=gettext_lazy("New segment"), icon="filter_alt", view="admin:segments-new",
        rights=("reports.view_segment", "reports.add_segment", "contacts.view_contact"),
        words="segmen buat tambah baru kelompok target broadcast siaran audience add",
    ),
    SearchAction(
        title=gettext_lazy("Add a campaign"), icon="campaign", view="admin:contacts_campaign_add",
        rights=("contacts.add_campaign",), words="tambah buat kampanye iklan ad new",
    ),
    SearchAction(
        title=gettext_lazy("Import campaigns"), icon="upload", view="imports", query="kind=campaigns",
        rights=import_job.CAMPAIGNS.rights, words="impor kampanye unggah masukkan upload csv excel xlsx biaya cost",
    ),
    SearchAction(
        title=gettext_lazy("Import what WhatsApp labels mean"), icon="upload", view="imports",
        query="kind=label-mapping", rights=import_job.LABEL_MAPPING.rights,
        words="impor arti label pemetaan unggah upload csv excel xlsx mapping",
    ),
    SearchAction(
        title=gettext_lazy("Add a label"), icon="new_label", view="admin:labels_label_add",
        rights=("labels.add_label",), words="tambah buat new",
    ),
    SearchAction(
        title=gettext_lazy("Decide what WhatsApp labels mean"), icon="sync_alt",
        view="admin:labels_channellabel_changelist", query="state=undecided", rights=("labels.change_channellabel",),
        words="petakan pemetaan arti map mapping",
    ),
    SearchAction(
        title=gettext_lazy("Contacts to follow up now"), icon="event", view="admin:contacts_contact_changelist",
        query="follow_up=due", rights=("contacts.view_contact",), words="tindak lanjut jatuh tempo pengingat reminder",
    ),
    SearchAction(
        title=gettext_lazy("Contacts that were never labelled"), icon="label_off",
        view="admin:contacts_contact_changelist", query="never_labelled=1", rights=("contacts.view_contact",),
        words="tanpa label belum without",
    ),
    SearchAction(
        title=gettext_lazy("Change your password"), icon="password", view="admin:password_change",
        words="ganti ubah kata sandi",
    ),
)  # fmt: skip


def place_groups(request: HttpRequest, term: str) -> list[HitGroup]:
    """Reports, other pages and actions whose words begin as those of `term`; all actions when it is empty."""
    pages = _pages(request, term) if term else []
    reports = [hit for hit in pages if hit.link.startswith(REPORTS)]
    found = (
        ("reports", gettext_lazy("Reports"), reports),
        ("pages", gettext_lazy("Pages"), [hit for hit in pages if hit not in reports]),
        ("actions", gettext_lazy("Actions"), _actions(request, term)),
    )
    most = MOST if term else len(ACTIONS)
    return [HitGroup(code=code, title=title, hits=hits[:most]) for code, title, hits in found if hits]


def _pages(request: HttpRequest, term: str) -> list[Hit]:
    return [
        Hit(title=item["title"], link=str(item["link"]), icon=item["icon"], note=group["title"])
        for group in navigation(request)
        for item in group["items"]
        if _means(term, (item["title"], group["title"]))
    ]


def _actions(request: HttpRequest, term: str) -> list[Hit]:
    viewer = viewer_of(request.user)
    allowed = [each for each in ACTIONS if viewer.may(*each.rights) and _means(term, (each.title, each.words))]
    linked = [(each, _link(each)) for each in allowed]
    return [Hit(title=each.title, link=link, icon=each.icon) for each, link in linked if link]


def _link(action: SearchAction) -> str:
    try:
        return f"{reverse(action.view)}?{action.query}".rstrip("?")
    except NoReverseMatch:
        return ""


def _means(term: str, texts: Iterable[Any]) -> bool:
    """True when each word of `term` begins a word of the texts, in any language of ours."""
    words = " ".join(_in_every_language(texts)).casefold().replace("-", " ").split()
    return all(any(word.startswith(part) for word in words) for part in term.casefold().split())


def _in_every_language(texts: Iterable[Any]) -> Iterable[str]:
    texts = tuple(texts)
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            yield from [str(text) for text in texts]
