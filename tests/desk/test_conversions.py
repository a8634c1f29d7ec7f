"""The pages of conversions: what a marketer sees, what they may do, and what they cannot break."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from contacts.models import Contact
from labelcrm.core.models import AuditEntry
from tests.desk.conftest import client_of
from tests.factories import CampaignFactory, TeamFactory
from tests.transfer.conversions.ads import NOW, AdShop, at, ctwa, look
from tests.work import do_work
from transfer.conversions.models import (
    Conversion,
    ConversionDelivery,
    ConversionEvent,
    ConversionFile,
    ConversionValue,
    DeliveryState,
    MetaConnection,
    Target,
)

__all__ = ["client_of"]
pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]
PAGE, SETTINGS, META = "/admin/conversions/", "/admin/conversions/what-counts/", "/admin/conversions/meta/"


@pytest.fixture(autouse=True)
def _then() -> Any:
    with time_machine.travel(NOW, tick=True), translation.override("en"):
        yield


@pytest.fixture
def shop(db: None) -> AdShop:
    return AdShop(team=TeamFactory(name="Sales"))


@pytest.fixture
def leads(shop: AdShop) -> list[Contact]:
    people = [shop.comes(0, **ctwa(n)) for n in range(3)]
    for contact in people:
        shop.labelled(contact, "Grade A", 2)
    look()
    return people


def text(client: Client, path: str = PAGE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(client: Client, query: str = "") -> list[int]:
    return [line.conversion.contact_id for line in client.get(PAGE + query).context["lines"]]


# -- The list ---------------------------------------------------------------------------------------------------------


def test_the_page_says_how_many_and_who_can_have_them(client_of: ClientOf, leads: list[Contact]) -> None:
    client = client_of("marketing")
    Contact.objects.filter(pk=leads[0].pk).update(opted_out_at=NOW)
    ConversionEvent.objects.update(value=25_000)
    look()
    context = client.get(PAGE).context
    [line] = context["sums"]
    assert ([n for _event, n in line.cells], line.value) == ([3, 0], 75_000)
    meta = context["targets"][0]
    assert (meta.counts.ready, [(str(words), n) for words, n in meta.refused]) == (2, [("opted out", 1)])
    assert {str(line.state) for line in context["lines"]} == {"new", "not sent"}
    html = text(client)
    assert "Rp 75.000" in html or "Rp 75,000" in html
    assert "opted out" in html


def test_filters_narrow_the_list_and_a_wrong_one_is_none(
    client_of: ClientOf, leads: list[Contact], shop: AdShop
) -> None:
    client = client_of("marketing")
    shop.labelled(leads[1], "Done", 5)
    Contact.objects.filter(pk=leads[2].pk).update(opted_out_at=NOW)
    look()
    assert len(shown(client)) == 4
    assert shown(client, "?event=purchase") == [leads[1].pk]
    assert shown(client, "?state=held") == [leads[2].pk]
    assert len(shown(client, "?campaign=none")) == 4
    assert shown(client, f"?campaign={CampaignFactory().pk}") == []
    assert shown(client, "?period=last_month") == []
    assert len(shown(client, "?period=x&event=x&campaign=x&state=x&before=x")) == 4


def test_older_ones_are_on_the_next_page(
    client_of: ClientOf, leads: list[Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.conversions.conversion_list.LISTED", 2)
    client = client_of("marketing")
    first = client.get(PAGE)
    second = client.get(PAGE + first.context["older"])
    found = [line.conversion.contact_id for page in (first, second) for line in page.context["lines"]]
    assert sorted(found) == [contact.pk for contact in leads]
    assert second.context["older"] == ""


def test_only_whom_somebody_sees_is_listed_and_counted(client_of: ClientOf, leads: list[Contact], shop: AdShop) -> None:
    from tests.desk.conftest import make_shop

    stranger = client_of("cs_lead", make_shop("Budi"))
    context = stranger.get(PAGE).context
    assert (context["lines"], context["sums"], context["targets"][0].counts.ready) == ([], [], 0)
    assert client_of("cs").get(PAGE).status_code == 403


def test_more_conversions_cost_no_more_queries(client_of: ClientOf, leads: list[Contact], shop: AdShop) -> None:
    client = client_of("marketing")

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            text(client)
        return len(seen)

    few = queries()
    for n in range(3, 9):
        shop.labelled(shop.comes(0, **ctwa(n)), "Grade A", 2)
    look()
    assert queries() == few


# -- An amount by hand ------------------------------------------------------------------------------------------------


def test_an_amount_is_changed_by_hand_until_it_was_told(client_of: ClientOf, leads: list[Contact]) -> None:
    client, row = client_of("marketing"), Conversion.objects.order_by("pk")[0]
    path = f"{PAGE}{row.pk}/value/"
    assert client.post(path, {"value": "125000"}).status_code == 302
    row.refresh_from_db()
    assert (row.value, row.value_by_hand) == (125_000, True)
    assert AuditEntry.objects.get(action="conversion.changed").details["changes"] == {"value": [None, 125_000]}
    client.post(path, {"value": ""})
    row.refresh_from_db()
    assert (row.value, row.value_by_hand) == (None, False)
    for wrong in ("-1", "x", "1e99"):
        client.post(path, {"value": wrong})
    ConversionDelivery.objects.create(conversion=row, target=Target.META, created_at=NOW)
    page = client.post(path, {"value": "7"}, follow=True).content.decode()
    assert "its value stays" in page
    row.refresh_from_db()
    assert row.value is None
    assert client_of("analyst").post(path, {"value": "7"}).status_code == 403


# -- Files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_made_shown_and_downloaded(client_of: ClientOf, leads: list[Contact]) -> None:
    client = client_of("marketing")
    answer = client.post(f"{PAGE}files/", {"target": "meta"})
    file = ConversionFile.objects.get()
    assert answer["Location"] == f"{PAGE}files/{file.pk}/"
    assert 'data-waiting="1"' in text(client, answer["Location"])
    do_work()
    page = client.get(answer["Location"])
    assert "3 rows" in page.content.decode()
    assert client.get(page.context["link"]).status_code == 200
    assert "3 already told" in text(client)
    assert {str(line.state) for line in client.get(PAGE).context["lines"]} == {"in a file"}
    assert 'data-waiting="0"' in text(client, f"{answer['Location']}state/")


def test_a_file_can_be_stopped_and_is_ones_own(client_of: ClientOf, leads: list[Contact]) -> None:
    client, other = client_of("marketing"), client_of("marketing")
    client.post(f"{PAGE}files/", {"target": "meta"})
    path = f"{PAGE}files/{ConversionFile.objects.get().pk}/"
    assert other.get(path).status_code == 404
    assert client_of("auditor").get(path).status_code == 403
    assert client.post(f"{path}cancel/").status_code == 302
    do_work()
    assert not ConversionDelivery.objects.exists()
    assert "has ended" in client.post(f"{path}cancel/", follow=True).content.decode()


@pytest.mark.parametrize("target", ["", "meta_api", "x"])
def test_there_are_files_for_known_targets_only(client_of: ClientOf, target: str) -> None:
    assert client_of("marketing").post(f"{PAGE}files/", {"target": target}).status_code == 404
    assert client_of("auditor").post(f"{PAGE}files/", {"target": "meta"}).status_code == 403


# -- What counts ------------------------------------------------------------------------------------------------------


def sent(**values: Any) -> dict[str, Any]:
    given = {
        "active": "on", "basis": "high_quality", "value": "25000", "since": "", "meta_name": "LeadSubmitted",
        "google_name": "Prospek",
    }  # fmt: skip
    return {"event": "qualified_lead"} | {f"qualified_lead-{name}": value for name, value in (given | values).items()}


def test_what_counts_is_changed_and_everybody_is_looked_at_again(
    client_of: ClientOf, leads: list[Contact], shop: AdShop
) -> None:
    client, campaign = client_of("marketing"), CampaignFactory()
    label = shop.label("Grade A").pk
    values = sent(**{f"label-{label}": "30000", "more_campaign": campaign.pk, "more_value": "40000"})
    page = client.post(SETTINGS, values, follow=True).content.decode()
    assert "3 are new or differ" in page
    assert {row.value for row in Conversion.objects.all()} == {30_000}
    event = ConversionEvent.objects.get(code="qualified_lead")
    assert (event.value, event.google_name) == (25_000, "Prospek")
    assert set(event.values.values_list("label", "campaign", "value")) == {
        (None, campaign.pk, 40_000), (label, None, 30_000),
    }  # fmt: skip
    assert set(AuditEntry.objects.filter(object_type="transfer.conversionevent").values_list("action", flat=True)) == {
        "conversionevent.changed", "conversionevent.values",
    }  # fmt: skip
    client.post(SETTINGS, sent(**{f"label-{label}": "", f"campaign-{campaign.pk}": ""}))
    assert not ConversionValue.objects.exists()


def test_chosen_labels_are_kept_and_asked_for(client_of: ClientOf, leads: list[Contact], shop: AdShop) -> None:
    client = client_of("marketing")
    page = client.post(SETTINGS, sent(basis="labels"))
    assert "Choose at least one label." in page.content.decode()
    shop.labelled(leads[0], "Cold prospect", 5)
    cold = shop.label("Cold prospect").pk
    client.post(SETTINGS, sent(basis="labels", labels=[cold]))
    assert [row.label_id for row in Conversion.objects.all()] == [cold]
    assert AuditEntry.objects.get(action="conversionevent.labels").details["labels"] == [[], [cold]]


@pytest.mark.parametrize(
    "values", [{"value": "-1"}, {"meta_name": "Contact"}, {"since": "kapan-kapan"}, {"more_value": "1"}, {"basis": "x"}]
)
def test_what_cannot_be_is_refused_beside_its_field(client_of: ClientOf, values: dict[str, str]) -> None:
    client = client_of("marketing")
    page = client.post(SETTINGS, sent(**values))
    assert page.status_code == 200
    assert "lc-field--wrong" in page.content.decode()
    assert not AuditEntry.objects.filter(object_type="transfer.conversionevent").exists()


def test_who_may_not_change_campaigns_reads_what_counts(client_of: ClientOf) -> None:
    analyst = client_of("analyst")
    assert "<fieldset disabled>" in text(analyst, SETTINGS)
    assert analyst.post(SETTINGS, sent()).status_code == 403
    assert client_of("marketing").post(SETTINGS, {"event": "x"}).status_code == 404
    assert client_of("cs").get(SETTINGS).status_code == 403


# -- Meta -------------------------------------------------------------------------------------------------------------


def test_an_owner_connects_meta_and_sees_what_stopped_it(client_of: ClientOf, leads: list[Contact]) -> None:
    owner = client_of("owner")
    values = {
        "enabled": "on", "dataset_id": "123", "business_account_id": "1029", "page_id": "", "test_event_code": "TEST1",
        "address": "http://127.0.0.1:9", "version": "v25.0", "access_token": "EAAB-rahasia",
    }  # fmt: skip
    page = owner.post(META, values | {"address": "https://graph.facebook.com"}).content.decode()
    assert "GATEWAY_HOSTS" in page
    assert not MetaConnection.objects.exists()
    assert owner.post(META, values).status_code == 302
    html = text(owner, META)
    assert "EAAB" not in html
    assert "test events only" in html
    MetaConnection.objects.update(stopped="not_let_in", told="The session has expired (190)")
    assert "The session has expired (190)" in text(owner, META)
    assert "Nothing is sent to Meta." in text(client_of("marketing"))


def test_failed_ones_are_tried_again_by_an_owner(client_of: ClientOf, leads: list[Contact]) -> None:
    row = Conversion.objects.order_by("pk")[0]
    ConversionDelivery.objects.create(
        conversion=row, target=Target.META_API, state=DeliveryState.FAILED, error="refused", told="No such click",
        created_at=at(0),
    )  # fmt: skip
    [line] = [line for line in client_of("marketing").get(PAGE).context["lines"] if line.conversion == row]
    assert (line.look, str(line.because)) == ("bad", "Meta refused it: No such click")
    owner = client_of("owner")
    assert "Try the failed ones again" in text(owner, META)
    owner.post(f"{META}again/")
    assert ConversionDelivery.objects.get().state == DeliveryState.WAITING


def test_only_owners_connect_meta(client_of: ClientOf) -> None:
    for role in ("marketing", "cs_lead", "analyst", "auditor", "cs"):
        client = client_of(role)
        assert client.get(META).status_code == client.post(f"{META}again/").status_code == 403, role


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_page_keeps_to_our_origin_in_both_languages(
    client_of: ClientOf, leads: list[Contact], language: str
) -> None:
    client = client_of("owner", language=language)
    client.post(f"{PAGE}files/", {"target": "meta"})
    do_work()
    for path in (PAGE, SETTINGS, META, f"{PAGE}files/{ConversionFile.objects.get().pk}/"):
        html = text(client, path)
        assert "style=" not in html.partition('id="main"')[2], path
        assert "<script>" not in html, path


def test_a_period_is_what_it_says(client_of: ClientOf, leads: list[Contact]) -> None:
    with time_machine.travel(NOW + timedelta(days=20), tick=True):
        client = client_of("marketing")
        assert (len(shown(client)), len(shown(client, "?period=last_7"))) == (3, 0)
