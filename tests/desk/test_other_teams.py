"""Two teams; everything of team B bears a secret word. Whoever is in team A reads it nowhere, whatever id they ask for.

Everything of B has the same id, THEIRS, and no row has the id NOBODYS: so every parameter of every route can be asked
for both. What the answers say must be the same, for a different answer tells that something is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
import time_machine
from django.contrib import admin
from django.contrib.messages import get_messages
from django.db import models, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from api.urls import ENDPOINTS
from contacts.models import (
    Agent,
    Campaign,
    CampaignRule,
    CampaignTouch,
    Channel,
    ChannelOwnership,
    Contact,
    ContactChannel,
    ContactIdentity,
    Message,
    Note,
    Team,
)
from desk.connection.views import ACTIONS
from labelcrm.core import audit
from labels.models import ChannelLabel, ChannelLabelMeaning, CleanSpell, Label, LabelEvent, LabelSpell, StaleFlag
from reports.registry import REPORTS
from tests.desk.conftest import Shop
from tests.factories import THEN, UserFactory
from tests.services_plugin import is_full_run
from webhooks.models import InboundEvent, PostCounter, ReconcileRun

pytestmark = pytest.mark.django_db
ClientOf = Callable[..., Client]

SECRET = "rahasiab"
THEIRS, NOBODYS = 770_077, 880_088
HOME = "/admin/"
# The parameters of reports that name what one team has: asked of every report. The others are times, choices and what
# all teams share: asked of one report, in `make test-full` of all.
OF_A_TEAM = {"channel", "team", "agent", "contact"}
ROLES = ("cs_lead", pytest.param("cs", marks=pytest.mark.full))  # a lead may all that a CS may, and more


@pytest.fixture
def theirs(db: None) -> Shop:
    """Team B: one row of everything, each with the id THEIRS and named with the secret word."""
    pk: dict[str, Any] = {"pk": THEIRS}
    user = UserFactory(**pk, username=f"{SECRET}user", first_name=f"{SECRET} user")
    team = Team.objects.create(**pk, name=f"Team {SECRET}")
    team.members.add(user)
    agent = Agent.objects.create(**pk, name=f"Agent {SECRET}", code=SECRET, team=team, user=user)
    channel = Channel.objects.create(**pk, gateway="waha", key=SECRET, name=f"Number {SECRET}", team=team)
    ChannelOwnership.objects.create(**pk, channel=channel, agent=agent)
    shop = Shop(team, agent, channel)
    _people(shop, user)
    InboundEvent.objects.create(**pk, channel=channel, body=f'"{SECRET}"'.encode(), state="parked", reason=SECRET)
    ReconcileRun.objects.create(**pk, channel=channel, trigger="nightly", state="done", message=SECRET)
    PostCounter.objects.create(**pk, channel=channel, day=THEN.date(), outcome="no_token", count=1, last_at=THEN)
    return shop


def _people(shop: Shop, user: Any) -> None:
    """A contact, one that was merged into it, and what hangs on them."""
    pk: dict[str, Any] = {"pk": THEIRS}
    at: dict[str, Any] = {"first_seen_at": THEN, "updated_at": THEN, "first_inbound_at": THEN}
    contact = Contact.objects.create(
        **pk, name=f"Contact {SECRET}", phone="+6281299990001", assigned_to=shop.agent, **at
    )
    Contact.objects.create(pk=THEIRS + 1, name=SECRET, merged_into=contact, deleted_at=THEN, **at)
    ContactIdentity.objects.create(**pk, contact=contact, kind="phone", value=contact.phone)
    ContactChannel.objects.create(**pk, contact=contact, channel=shop.channel, first_seen_at=THEN)
    label = Label.objects.get(name="Grade A")
    row = ChannelLabel.objects.create(
        **pk, channel=shop.channel, name=f"Label {SECRET}", label=label, external_id="1", first_seen_at=THEN,
        is_placeholder=True,
    )  # fmt: skip
    ChannelLabelMeaning.objects.create(**pk, channel_label=row, label=label, name=SECRET)
    shop.put(contact, row, id=THEIRS)
    LabelEvent.objects.create(
        **pk, contact=contact, channel=shop.channel, channel_label=row, kind="add", occurred_at=THEN, received_at=THEN,
        occurred_at_source="whatsapp", actor_agent=shop.agent, effect="opened", event_key=SECRET,
    )  # fmt: skip
    spell: dict[str, Any] = {"contact": contact, "label": label, "channel": shop.channel, "started_at": THEN}
    for model in (LabelSpell, CleanSpell):
        model.objects.create(**spell, found=False, lost=False, method="channel_owner", agent=shop.agent)
    StaleFlag.objects.create(
        **pk, contact=contact, label=label, owner=shop.agent, spell_started_at=THEN, clock_started_at=THEN,
        limit_days=1, flagged_at=THEN,
    )  # fmt: skip
    message = Message.objects.create(
        **pk, contact=contact, channel=shop.channel, external_id=SECRET, from_me=False, text=SECRET, at=THEN,
        at_source="whatsapp", received_at=THEN,
    )  # fmt: skip
    Note.objects.create(**pk, contact=contact, text=SECRET, author=user)
    campaign = Campaign.objects.create(pk=THEIRS + 2, code="promo", name="Promo of all")
    CampaignRule.objects.create(**pk, campaign=campaign, kind="keyword", pattern="promo", channel=shop.channel)
    CampaignTouch.objects.create(
        **pk, contact=contact, campaign=campaign, channel=shop.channel, message=message, at=THEN
    )
    audit.record(actor=user, action="contact.note_added", obj=contact, note=THEIRS)


# -- What is asked ----------------------------------------------------------------------------------------------------

Ask = tuple[str, str, dict[str, Any]]  # method, address, and what is posted or asked; "{id}" is the id

# Parameters of addresses that are no id: all there are.
WORDS: dict[str, list[str]] = {
    "action": sorted(ACTIONS),
    "app_label": ["contacts", "labels"],
    "url": ["x"],
    "path": ["x"],
}


def patterns(found: Iterable[Any], prefix: str = "") -> Iterator[str]:
    for one in found:
        if isinstance(one, URLResolver):
            yield from patterns(one.url_patterns, prefix + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield prefix + str(one.pattern)


def addresses() -> Iterator[str]:
    """Every address of the site that takes an id."""
    for pattern in sorted(set(patterns(get_resolver().url_patterns))):
        plain = re.sub(r"[\^$]|\\Z", "", pattern)
        plain = (
            re.sub(r"\(\?P<(\w+)>[^()]*(?:\([^()]*\)[^()]*)*\)", r"<\1>", plain).replace("\\.", ".").replace("/?", "/")
        )
        names = [name.rpartition(":")[2] for name in re.findall(r"<([^>]+)>", plain)]
        ids = [name for name in names if name not in WORDS]
        if not ids:
            continue
        found = [re.sub(r"<(?:\w+:)?(?:" + "|".join(ids) + ")>", "{id}", plain)]
        for name in set(names) & set(WORDS):
            found = [re.sub(rf"<(?:\w+:)?{name}>", word, each) for each in found for word in WORDS[name]]
        yield from (f"/{each}" for each in found)


def by_address() -> Iterator[Ask]:
    posted = {"label": "{id}", "agent": "{id}", "owner": "{id}", "name": "x", "text": "x", "action": "archive_rows"}
    for address in addresses():
        yield "get", address, {}
        yield "post", address, posted
    for path in ENDPOINTS:
        for method in ("patch", "delete"):
            yield method, f"/api/v1/{path}/{{id}}/", {}


def by_filter(client: Client) -> Iterator[Ask]:
    """Every filter of every list, and what people type into an address that is none."""
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        page = client.get(address)
        if page.status_code != 200:
            continue
        filters = filters_of(page)
        relations = {field.name for field in model._meta.fields if isinstance(field, models.ForeignKey)}
        for name in sorted(filters | {f"{name}__id__exact" for name in relations} | {"q", "id__exact"}):
            yield "get", address, {name: "{id}"}
            if model is StaleFlag:  # the list of those that are settled
                yield "get", address, {"state": "closed", name: "{id}"}
        yield "get", f"{address}export/", {name: "{id}" for name in filters if "agent" in name or "channel" in name}


def filters_of(page: Any) -> set[str]:
    """The parameters that narrow a list: of Django's, or of a page of our own what its forms send."""
    if page.context.get("cl") is None:
        return set(re.findall(r'<(?:select|input)[^>]* name="(\w+)"', page.content.decode()))
    return {name for spec in page.context["cl"].filter_specs for name in spec.expected_parameters()}


def by_parameter() -> Iterator[Ask]:
    for name, report in REPORTS.items():
        asked = report.parameters if is_full_run() or name == "agents" else OF_A_TEAM & set(report.parameters)
        for parameter in sorted(asked):
            value = "{key}" if parameter == "channel" else "{id}"
            yield "get", f"/api/v1/reports/{name}/", {parameter: value}
            yield "get", f"/admin/reports/{name}/", {parameter: value}
            if report.facts is not None:
                yield "get", "/admin/reports/rows/", {"report": name, "figure": "added", parameter: value}
                yield "get", f"/api/v1/reports/{name}/rows/", {"figure": "added", parameter: value}
        for figure in ("added", "received", "contacts", "stale_open"):
            yield "get", "/admin/reports/rows/", {"report": name, "figure": figure, "who": "{id}"}
    for path, view in ENDPOINTS.items():
        filters = getattr(view, "filterset_class", None)
        for name in filters.base_filters if filters else ():
            yield "get", f"/api/v1/{path}/", {name: "{id}"}
            yield "get", f"/api/v1/{path}/", {name: "{key}"}
    yield "get", "/api/v1/inbox/summary/", {"channel": "{key}"}
    for name in ("since", "what", "from", "to"):
        yield "get", "/admin/activity/", {name: "{id}"}
        yield "get", "/live/feed/", {name: "{id}"}
    for address in ("/admin/", "/admin/system/", "/admin/connect/"):
        yield "get", address, {"key": "{id}", "channel": "{id}", "agent": "{id}"}


def by_autocomplete() -> Iterator[Ask]:
    for model, page in admin.site._registry.items():
        inlines = [(inline.model, inline.autocomplete_fields) for inline in page.inlines]
        for owner, fields in [(model, page.autocomplete_fields), *inlines]:
            for field in fields:
                asked = {"app_label": owner._meta.app_label, "model_name": owner._meta.model_name, "field_name": field}
                yield "get", "/admin/autocomplete/", asked | {"term": "{id}"}
                yield "get", "/admin/autocomplete/", asked | {"term": "{key}"}


def by_form(shop: Shop, mine: Contact) -> Iterator[Ask]:
    """What the forms of A's own rows can be told of B."""
    page = f"/admin/contacts/contact/{mine.pk}/change/"
    yield "post", page, {"name": "x", "assigned_to": "{id}"}
    inline = {
        "ownerships-TOTAL_FORMS": 1, "ownerships-INITIAL_FORMS": 0, "ownerships-0-agent": "{id}",
        "ownerships-0-channel": shop.channel.pk,
    }  # fmt: skip
    channel = {"name": "x", "key": shop.channel.key, "session": "s", "team": "{id}", "default_campaign": ""}
    yield "post", f"/admin/contacts/channel/{shop.channel.pk}/change/", channel | inline
    yield "post", f"/admin/contacts/channel/{shop.channel.pk}/change/", channel | inline | {"team": shop.team.pk}
    yield "post", f"/admin/contacts/agent/{shop.agent.pk}/change/", {"name": "x", "code": "x", "team": "{id}"}
    rule = {"campaign": THEIRS + 2, "kind": "keyword", "pattern": "x", "match": "words", "priority": 1}
    yield "post", "/admin/contacts/campaignrule/add/", rule | {"channel": "{id}"}
    yield "post", "/admin/contacts/campaignrule/try/", {"text": "promo", "channel": "{id}"}
    yield "post", "/admin/contacts/campaignrule/try/", {"text": "promosi"}
    yield "post", f"/admin/contacts/channel/{shop.channel.pk}/connection/label/", {"label": "{id}", "name": "x"}
    yield "post", f"/admin/contacts/channel/{shop.channel.pk}/connection/owner/", {"agent": "{id}"}
    for path in ("contacts", "agents", "channels", "teams"):
        row = {"contacts": mine, "agents": shop.agent, "channels": shop.channel, "teams": shop.team}[path]
        yield "patch", f"/api/v1/{path}/{row.pk}/", {"assigned_to": "{number}"}
        yield "patch", f"/api/v1/{path}/{row.pk}/", {"team": "{number}"}
    yield "post", "/api/v1/agents/", {"code": "neu", "name": "Neu", "team": "{number}"}
    for model, admin_page in admin.site._registry.items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for action in admin_page.actions or ():
            chosen = {"action": action, "_selected_action": "{id}", "means": "{id}", "reason": "x"}
            yield "post", address, chosen


# -- The crawl --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_nothing_of_another_team_is_told_by_any_address(
    client_of: ClientOf, shop: Shop, theirs: Shop, role: str
) -> None:
    assert_nothing_told(client_of(role, shop), by_address())


@pytest.mark.parametrize("role", ROLES)
def test_nothing_of_another_team_is_told_by_any_filter(
    client_of: ClientOf, shop: Shop, theirs: Shop, role: str
) -> None:
    shop.contact(name="Siti")
    client = client_of(role, shop)
    assert_nothing_told(client, by_filter(client))


@pytest.mark.parametrize("role", ROLES)
def test_nothing_of_another_team_is_told_by_any_parameter(
    client_of: ClientOf, shop: Shop, theirs: Shop, role: str
) -> None:
    shop.put(shop.contact(name="Siti"), shop.whatsapp_label("Grade A"))
    assert_nothing_told(client_of(role, shop), by_parameter())


def test_nothing_of_another_team_is_told_by_autocompletion(client_of: ClientOf, shop: Shop, theirs: Shop) -> None:
    assert_nothing_told(client_of("cs_lead", shop), by_autocomplete())


@pytest.mark.parametrize("role", ["cs_lead", "team_owner"])
def test_nothing_of_another_team_is_told_by_any_form(client_of: ClientOf, shop: Shop, theirs: Shop, role: str) -> None:
    """Somebody with every right but that of seeing all teams may change most."""
    client = client_of("cs_lead", shop)
    if role == "team_owner":
        from django.contrib.auth.models import Permission

        client.user.user_permissions.set(  # type: ignore[attr-defined]
            Permission.objects.filter(
                content_type__app_label__in=("contacts", "labels", "webhooks", "reports")
            ).exclude(codename="see_all_teams")
        )
    assert_nothing_told(client, by_form(shop, shop.contact(name="Siti")))


@pytest.mark.parametrize("role", ["cs_lead", "cs"])
def test_no_page_that_asks_for_nothing_tells_of_another_team(
    client_of: ClientOf, shop: Shop, theirs: Shop, role: str
) -> None:
    mine = shop.contact(name="Siti")
    shop.put(mine, shop.whatsapp_label("Grade A"))
    client = client_of(role, shop)
    lists = [reverse(f"admin:{m._meta.app_label}_{m._meta.model_name}_changelist") for m in admin.site._registry]
    others = ["/admin/", "/admin/system/", "/admin/activity/", "/admin/reports/agents/", "/admin/reports/campaigns/"]
    own = [f"/admin/contacts/contact/{mine.pk}/", f"/admin/contacts/campaign/{THEIRS + 2}/change/"]
    own += [
        f"/admin/contacts/{kind}/{row.pk}/change/" for kind, row in (("agent", shop.agent), ("channel", shop.channel))
    ]
    for address in [*lists, *others, *own, *(f"/api/v1/{path}/" for path in ENDPOINTS)]:
        assert SECRET not in client.get(address, follow=True).content.decode().lower(), address


def test_what_is_shared_with_another_team_names_only_what_the_reader_sees(
    client_of: ClientOf, shop: Shop, theirs: Shop
) -> None:
    """A contact on both teams' numbers: each team reads of its own number."""
    contact = shop.contact(name="Siti")
    ContactChannel.objects.create(contact=contact, channel=theirs.channel, first_seen_at=THEN)
    campaign = Campaign.objects.get(code="promo")
    CampaignTouch.objects.create(contact=contact, campaign=campaign, channel=theirs.channel, at=THEN)
    ChannelOwnership.objects.create(channel=theirs.channel, agent=shop.agent)
    client = client_of("cs_lead", shop)
    for address in (f"/admin/contacts/contact/{contact.pk}/", "/admin/contacts/agent/", "/api/v1/contacts/"):
        assert SECRET not in client.get(address).content.decode().lower(), address
    contact.assigned_to = theirs.agent
    contact.save()
    for narrowed in ({"channel": THEIRS}, {"assigned_to__id__exact": THEIRS}):
        assert client.get("/admin/contacts/contact/", narrowed).context["cl"].result_list == [], narrowed


def test_a_merged_contact_leads_on_only_who_sees_the_survivor(client_of: ClientOf, shop: Shop, theirs: Shop) -> None:
    client = client_of("cs_lead", shop)
    merged, nobody = (client.get(f"/admin/contacts/contact/{pk}/") for pk in (THEIRS + 1, NOBODYS))
    assert (merged.status_code, merged["Location"]) == (nobody.status_code, nobody["Location"])
    assert client_of("owner").get(f"/admin/contacts/contact/{THEIRS + 1}/")["Location"].endswith(f"/{THEIRS}/")


def test_an_agent_who_worked_on_the_readers_number_is_named_behind_the_number(
    client_of: ClientOf, shop: Shop, theirs: Shop
) -> None:
    """Their row is in the report of the reader, and so it opens."""
    contact, label = shop.contact(name="Siti"), Label.objects.get(name="Grade A")
    shop.put(contact, shop.whatsapp_label("Grade A"), added_by=theirs.agent)
    LabelSpell.objects.create(
        contact=contact, label=label, channel=shop.channel, started_at=THEN, found=False, lost=False,
        method="roster", agent=theirs.agent,
    )  # fmt: skip
    asked = {"report": "agents", "figure": "added", "who": THEIRS, "from": "2026-03-01", "to": "2026-03-04"}
    answer = client_of("cs_lead", shop).get("/admin/reports/rows/", asked)
    assert (answer.status_code, answer.context["total"]) == (200, 1)


def assert_nothing_told(client: Client, asked: Iterable[Ask]) -> None:
    """Ask for THEIRS and for NOBODYS: the same is said, and never the secret word. Everything asked is undone."""
    client.raise_request_exception = False
    different, told, count = [], [], 0
    for method, address, values in asked:
        count += 1
        said = []
        for pk, key in ((THEIRS, SECRET), (NOBODYS, "niemand")):
            with time_machine.travel(THEN, tick=False):
                status, text = answer(client, method, address, values, pk=pk, key=key)
            said.append((status, text.replace(str(pk), "ID").replace(key, "KEY")))
            if SECRET in text.lower().replace(key, ""):
                told.append((method, address, values))
        assert said[0][0] < 500, (method, address, values)
        if said[0] != said[1]:
            different.append((method, address, values, _difference(said[0][1], said[1][1]), said[0][0], said[1][0]))
    assert count > 5
    assert not told, told
    assert not different, "\n".join(map(str, different))


def answer(client: Client, method: str, address: str, values: dict[str, Any], *, pk: int, key: str) -> tuple[int, str]:
    def filled(value: Any) -> Any:
        if value == "{number}":
            return pk
        return value.replace("{id}", str(pk)).replace("{key}", key) if isinstance(value, str) else value

    data = {name: filled(value) for name, value in values.items()}
    json = {"content_type": "application/json"} if address.startswith("/api/") and method != "get" else {}
    with transaction.atomic():
        found: Any = getattr(client, method)(filled(address), data, **json)
        places = []
        while (place := found.headers.get("Location")) and place != HOME:
            places.append(place)
            found = client.get(urljoin(found.request["PATH_INFO"], place))
        content = found.getvalue() if found.streaming else found.content
        # Whatever is not there leads home, which is dear to draw: of what it shows only the message is new.
        messages = [str(message) for message in get_messages(found.wsgi_request)] if place else []
        client.cookies.pop("messages", None)
        transaction.set_rollback(True)
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", content.decode("utf-8", "replace"))
    return found.status_code, "\n".join([*places, *messages, text])


def _difference(one: str, other: str) -> str:
    lines = zip(one.splitlines(), other.splitlines(), strict=False)
    return next((f"{a.strip()[:200]!r} / {b.strip()[:200]!r}" for a, b in lines if a != b), "length")
