"""What every list offers: an order by its heads, an exact count, columns to choose, and rows that weigh little."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import F
from django.db.models.functions import Upper
from django.test import Client
from django.utils.html import escape

from contacts.models import Contact
from desk.base.keyset import Keyset
from desk.base.model_admin import StaffAdmin
from desk.contacts.contacts import ContactAdmin
from labels.models import Label
from tests.desk.conftest import Shop
from tests.factories import THEN, ContactFactory

LIST = "/admin/contacts/contact/"
ClientOf = Callable[..., Client]


def names(response: Any) -> list[str]:
    return [contact.name for contact in response.context["cl"].result_list]


# -- Order ------------------------------------------------------------------------------------------------------------

ORDERS = {
    "by a column": Keyset("updated_at", "id"),
    "by another": ContactAdmin.sorts["first_seen_shown"],
    "by an expression": Keyset("name_key", "id", descending=False, of=Upper("name"), blank=""),
    "by a column that may be empty": Keyset("last_inbound_at", "id", blank=None),
}


def in_order(keyset: Keyset) -> list[Contact]:
    """All contacts as Python sorts them: who says nothing comes last, whichever way."""
    key = {"name_key": lambda c: c.name.upper()}.get(keyset.fields[0], lambda c: getattr(c, keyset.fields[0]))
    rows = list(Contact.objects.all())
    says = [row for row in rows if key(row) not in (None, "")]
    silent = [row for row in rows if key(row) in (None, "")]
    says.sort(key=lambda row: (key(row), row.pk), reverse=keyset.descending)
    return says + sorted(silent, key=lambda row: row.pk, reverse=keyset.descending)


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("seed", range(4))
def test_pages_in_any_order_are_walked_both_ways(db: None, order: str, descending: bool, seed: int) -> None:
    draw = random.Random(seed)
    for number in range(draw.randint(0, 9)):
        minute = draw.choice([None, 0, 1, 1, 2])
        ContactFactory(
            name=draw.choice(["", "ani", "Budi", "~c"]),
            last_inbound_at=None if minute is None else THEN + timedelta(minutes=minute),
            updated_at=THEN + timedelta(minutes=number % 3),
            first_seen_at=THEN - timedelta(minutes=number % 2),
        )
    keyset, size = ORDERS[order].turned(descending=descending), draw.randint(1, 4)
    wanted = in_order(keyset)
    forward = list(pages_forward(keyset, size))
    assert [row for page in forward for row in page] == wanted
    backward, more = [forward[-1]], len(forward) > 1
    while more:
        before = keyset.cursor(backward[0][0])
        page, more, _ = keyset.page(Contact.objects.all(), size=size, after=None, before=before)
        backward.insert(0, page)
    assert [row for page in backward for row in page] == wanted


def pages_forward(keyset: Keyset, size: int) -> Iterator[list[Contact]]:
    after, more = None, True
    while more:
        page, _, more = keyset.page(Contact.objects.all(), size=size, after=after, before=None)
        after = keyset.cursor(page[-1]) if page else None
        yield page


def test_a_head_sorts_and_sorts_the_other_way_when_clicked_again(client_of: ClientOf, shop: Shop) -> None:
    for name, minute in (("Citra", 5), ("ani", 9), ("Budi", None)):
        shop.contact(name=name, last_inbound_at=None if minute is None else THEN + timedelta(minutes=minute))
    client = client_of("cs_lead", shop)

    def head(page: Any, column: str) -> str:
        found = re.search(rf'<th scope="col" class="column-{column}"[^>]*><a href="([^"]*)"', page.content.decode())
        assert found is not None
        return found[1].replace("&amp;", "&")

    page = client.get(LIST)
    page = client.get(LIST + head(page, "name_shown"))
    assert names(page) == ["ani", "Budi", "Citra"]
    assert 'class="column-name_shown" aria-sort="ascending"' in page.content.decode()
    assert names(client.get(LIST + head(page, "name_shown"))) == ["Citra", "Budi", "ani"]
    newest = client.get(LIST + head(page, "last_inbound_shown"))
    assert names(newest) == ["ani", "Citra", "Budi"], "who never wrote comes last"
    assert names(client.get(LIST + head(newest, "last_inbound_shown"))) == ["Citra", "ani", "Budi"]


def test_an_order_that_is_none_is_the_lists_own(client_of: ClientOf, shop: Shop) -> None:
    shop.contact(name="Siti")
    for order in ("phone_shown", "-1", "password", "-"):
        assert names(client_of("cs_lead", shop).get(LIST, {"o": order})) == ["Siti"]


# -- Count ------------------------------------------------------------------------------------------------------------


def test_a_list_is_counted_with_its_filters(
    client_of: ClientOf, shop: Shop, other_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.contacts.contacts.ContactAdmin.list_per_page", 2)
    hot = shop.whatsapp_label("Prospek panas")
    for number in range(5):
        contact = shop.contact(name=f"Siti {number}")
        shop.put(contact, hot)
    shop.contact(name="Joko")
    other_shop.contact(name="Siti of others")
    client = client_of("cs_lead", shop)
    query = {"label": str(hot.label_id), "q": "siti"}
    url = client.get(LIST, query).context["cl"].count_url
    answer = client.get(url)
    assert answer.json() == {"count": 5, "text": "5 contacts", "show": "Show 5 contacts"}
    assert client_of("cs_lead", shop, language="id").get(url).json()["text"] == "5 kontak"
    everybody = client.get(f"{LIST}count/").json()
    assert everybody["count"] == 6, "of the own team"


def test_a_list_that_is_shown_whole_says_its_count_itself(client_of: ClientOf, shop: Shop) -> None:
    shop.contact()
    page = client_of("cs_lead", shop).get(LIST)
    assert page.context["cl"].count_url == ""
    assert '<output class="lc-list-count" id="list-count">1 contact</output>' in page.content.decode()


def test_a_count_is_told_to_who_may_see_the_list_only(client_of: ClientOf, shop: Shop) -> None:
    assert client_of("cs", shop).get("/admin/core/auditentry/count/").status_code == 403


# -- Columns ----------------------------------------------------------------------------------------------------------


def heads(page: Any) -> list[str]:
    return re.findall(r'<th scope="col" class="column-([a-z_]+)"', page.content.decode())


def test_a_reader_chooses_columns_and_they_are_remembered_for_that_reader(client_of: ClientOf, shop: Shop) -> None:
    shop.put(shop.contact(name="Siti", last_inbound_at=THEN), shop.whatsapp_label())
    client = client_of("cs_lead", shop)
    before = heads(client.get(LIST))
    assert "phone_shown" in before
    assert "channels_shown" not in before, "off until asked for"
    answer = client.post(f"{LIST}columns/?q=siti", {"column": ["labels_shown", "channels_shown"]})
    assert answer.url == "../?q=siti"
    assert heads(client.get(LIST)) == ["name_shown", "labels_shown", "channels_shown"]
    assert heads(client_of("cs_lead", shop).get(LIST)) == before


def test_names_of_columns_that_are_none_are_not_kept(client_of: ClientOf, shop: Shop) -> None:
    shop.contact(name="Siti")
    client = client_of("cs_lead", shop)
    client.post(f"{LIST}columns/", {"column": ["password", "name"]})
    client.user.refresh_from_db()  # type: ignore[attr-defined]
    chosen = client.user.preferences["columns"]["contacts.contact"]  # type: ignore[attr-defined]
    assert "password" not in chosen
    assert heads(client.get(LIST)) == ["name_shown"]


def test_a_column_in_which_nothing_stands_is_left_out(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name="Siti")
    client = client_of("cs_lead", shop)
    assert "last_inbound_shown" not in heads(client.get(LIST))
    Contact.objects.filter(pk=contact.pk).update(last_inbound_at=F("updated_at"))
    assert "last_inbound_shown" in heads(client.get(LIST))


# -- Rows -------------------------------------------------------------------------------------------------------------


def test_fifty_rows_with_labels_weigh_at_most_150_kb(client_of: ClientOf, shop: Shop) -> None:
    rows = [shop.whatsapp_label(label.name, label=label.name) for label in Label.objects.all()[:3]]
    for number in range(50):
        contact = shop.contact(name=f"Toko Makmur Sejahtera {number:02}", last_inbound_at=THEN)
        for row in rows:
            shop.put(contact, row)
    page = client_of("cs_lead", shop, language="id").get(LIST)
    assert len(page.context["cl"].result_list) == 50
    assert len(page.content) <= 150_000


def test_a_row_leads_to_its_page_and_a_box_picks_it(client_of: ClientOf, shop: Shop) -> None:
    contact = shop.contact(name='Siti "X" <b>')
    page = client_of("owner").get(LIST).content.decode()
    assert f'<a href="{LIST}{contact.pk}/">Siti &quot;X&quot; &lt;b&gt;</a>' in page
    box = f'value="{contact.pk}" class="action-select" aria-label="Select {escape(str(contact))}">'
    assert box in page


def test_every_list_of_ours_is_drawn_by_our_rows() -> None:
    ours = [a for a in admin.site._registry.values() if a.__module__.startswith("desk.")]
    assert len(ours) > 15
    strangers = [type(a).__name__ for a in ours if not isinstance(a, StaffAdmin)]
    assert strangers == []


def test_a_bare_number_on_a_phones_card_says_what_it_counts(client_of: ClientOf, shop: Shop) -> None:
    html = client_of("root", shop).get("/admin/contacts/team/").content.decode()
    assert re.findall(r'data-head="([^"]+)">(\d+)<', html) == [("CS", "1"), ("WhatsApp numbers", "1"), ("Users", "1")]
