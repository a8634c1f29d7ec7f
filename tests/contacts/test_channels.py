"""Connecting a number: one command, idempotent, with owners that never change the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from contacts.models import Agent, Channel, ChannelOwnership, ChannelSecret
from contacts.selectors.ownership import Ownerships
from contacts.services.channels import ChannelError, connect, set_owner
from labelcrm.core.models import AuditEntry
from tests.factories import AgentFactory, ChannelFactory

pytestmark = pytest.mark.django_db
MON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # 10:00 on a Monday in Jakarta


def run(*options: str) -> list[str]:
    out = StringIO()
    call_command("connect_channel", "--gateway", "waha", "--key", "cs1", "--name", "CS Rina", *options, stdout=out)
    return out.getvalue().splitlines()


def test_a_new_channel_prints_its_address_and_the_secret_it_made() -> None:
    url, secret = run("--agent", "rina", "--team", "Sales")
    assert url.endswith("/hooks/waha/cs1/")
    assert len(secret.removeprefix("SECRET ")) >= 32
    channel = Channel.objects.get()
    assert (channel.session, channel.team.name, Agent.objects.get().name) == ("cs1", "Sales", "Rina")


def test_the_same_command_twice_changes_nothing_and_makes_no_second_secret() -> None:
    run("--agent", "rina", "--team", "Sales", "--secret", "rahasia-panjang")
    before = list(ChannelOwnership.objects.values()), list(ChannelSecret.objects.values("id", "expires_at"))
    assert run("--agent", "rina", "--team", "Sales", "--secret", "rahasia-panjang") == [
        "URL http://127.0.0.1:8000/hooks/waha/cs1/"
    ]
    assert (list(ChannelOwnership.objects.values()), list(ChannelSecret.objects.values("id", "expires_at"))) == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--secret", "short"], "too easy to guess"),
        (["--timezone", "Asia/Jakartaa"], "no time zone"),
        (["--since", "yesterday"], "no date"),
        (["--since", "2026-13-45"], "no date"),
        (["--since", "0001-01-01"], "no date"),
        (["--since", "9999-12-31"], "no date"),
        (["--name", " "], "needs a name"),
        (["--name", "x" * 101], "The name has at most 100 characters"),
        (["--team", "x" * 101], "The team has at most 100 characters"),
        (["--agent", "x" * 61], "The agent has at most 60 characters"),
        (["--session", "x" * 201], "The session has at most 200 characters"),
        (["--base-url", "http://" + "x" * 300], "The base url has at most 300 characters"),
        (["--key", "crm"], "built-in channel"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(options: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*options)
    assert not Channel.objects.exists()


def test_a_key_of_another_gateway_is_not_taken_over() -> None:
    connect(gateway="gowa", key="cs1", name="x", actor=None)
    with pytest.raises(CommandError, match="one of gowa already"):
        run()


def test_a_secret_in_an_address_is_written_as_addresses_are() -> None:
    done = connect(gateway="evolution", key="evo", name="x", secret="a b?c#d%41é", actor=None)
    assert done.path == "/hooks/evolution/evo/a%20b%3Fc%23d%2541%C3%A9/"
    with pytest.raises(ChannelError, match="leave out slashes"):
        connect(gateway="evolution", key="evo2", name="x", secret="rahasia/panjang", actor=None)


def test_the_address_is_whole_on_an_ipv6_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "::1")
    assert run("--secret", "rahasia-panjang") == ["URL http://[::1]:8000/hooks/waha/cs1/"]


def test_the_default_secret_of_gowa_is_refused() -> None:
    with pytest.raises(CommandError, match="too easy"):
        call_command("connect_channel", "--gateway", "gowa", "--key", "g", "--name", "g", "--secret", "secret")


def test_credentials_are_not_readable_in_the_database() -> None:
    run("--secret", "rahasia-panjang-sekali", "--api-key", "kunci-gateway")
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM contacts_channel UNION SELECT value FROM contacts_channelsecret")
        stored = str(cursor.fetchall())
    assert "rahasia" not in stored
    assert "kunci" not in stored
    assert Channel.objects.get().api_key == "kunci-gateway"


class TestOwners:
    def owner_at(self, channel: Channel, moment: datetime) -> tuple[int | None, str]:
        owner = Ownerships.of(channel.pk, zone="Asia/Jakarta").at(moment)
        return owner.agent_id, owner.method

    def test_the_first_owner_counts_from_the_beginning_a_later_one_from_now(self) -> None:
        channel, rina, budi = ChannelFactory(), AgentFactory(), AgentFactory()
        set_owner(channel, rina, since=None, actor=None)
        set_owner(channel, budi, since=None, actor=None)
        assert self.owner_at(channel, MON) == (rina.pk, "channel_owner")
        assert self.owner_at(channel, datetime.now(UTC) + timedelta(minutes=1)) == (budi.pk, "channel_owner")

    def test_a_date_overrides(self) -> None:
        channel, rina, budi = ChannelFactory(), AgentFactory(), AgentFactory()
        set_owner(channel, rina, since=None, actor=None)
        set_owner(channel, budi, since=MON, actor=None)
        assert self.owner_at(channel, MON - timedelta(seconds=1)) == (rina.pk, "channel_owner")
        assert self.owner_at(channel, MON) == (budi.pk, "channel_owner")

    def test_an_owner_from_a_date_on_replaces_everybody_who_was_from_then_on(self) -> None:
        channel, first, second, third = ChannelFactory(), *AgentFactory.create_batch(3)
        set_owner(channel, first, since=None, actor=None)
        set_owner(channel, second, since=MON + timedelta(days=9), actor=None)
        set_owner(channel, third, since=MON, actor=None)
        assert self.owner_at(channel, MON - timedelta(seconds=1)) == (first.pk, "channel_owner")
        for days in (0, 5, 9, 30):
            assert self.owner_at(channel, MON + timedelta(days=days)) == (third.pk, "channel_owner")

    def test_an_owner_after_all_have_left_changes_nothing_before(self) -> None:
        channel, first, second = ChannelFactory(), *AgentFactory.create_batch(2)
        ChannelOwnership.objects.create(channel=channel, agent=first, until=MON)
        set_owner(channel, second, since=None, actor=None)
        assert self.owner_at(channel, MON - timedelta(days=1)) == (first.pk, "channel_owner")
        assert self.owner_at(channel, MON) == (second.pk, "channel_owner")

    def test_two_owners_at_once_are_nobody(self) -> None:
        channel = ChannelFactory()
        for _ in range(2):
            ChannelOwnership.objects.create(channel=channel, agent=AgentFactory())
        assert self.owner_at(channel, MON) == (None, "unknown")

    def test_on_a_shared_number_it_is_who_is_on_shift(self) -> None:
        channel, day, night = ChannelFactory(), AgentFactory(), AgentFactory()
        ChannelOwnership.objects.create(channel=channel, agent=day, hour_from="08:00", hour_to="20:00")
        ChannelOwnership.objects.create(channel=channel, agent=night, hour_from="20:00", hour_to="08:00")
        assert self.owner_at(channel, MON) == (day.pk, "roster")
        assert self.owner_at(channel, MON + timedelta(hours=12)) == (night.pk, "roster")

    def test_a_night_shift_belongs_to_the_weekday_it_began_on(self) -> None:
        channel, night = ChannelFactory(), AgentFactory()
        ChannelOwnership.objects.create(channel=channel, agent=night, hour_from="20:00", hour_to="08:00", weekdays=[0])
        tuesday_3am = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
        assert self.owner_at(channel, tuesday_3am) == (night.pk, "roster")
        assert self.owner_at(channel, tuesday_3am + timedelta(days=1)) == (None, "unknown")


class TestTheAgentOfTheCommand:
    """`--agent` is a code: it makes somebody new or means who has it, and renames and moves nobody."""

    def connect(self, capsys: pytest.CaptureFixture[str], *options: str) -> str:
        call_command("connect_channel", "--gateway", "waha", "--key", "cs2", "--name", "CS 2", *options)
        return capsys.readouterr().err

    def test_an_agent_of_another_team_stays_there_and_it_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        agent = AgentFactory(code="rina", name="Rina Wati")
        said = self.connect(capsys, "--agent", "rina", "--team", "Support")
        agent.refresh_from_db()
        assert agent.name == "Rina Wati"
        assert Channel.objects.get(key="cs2").ownerships.get().agent == agent
        assert f"Rina Wati (rina) stays in the team {agent.team.name}." in said
        assert agent.team.name != "Support"

    def test_an_agent_without_a_team_joins_it_on_record(self, capsys: pytest.CaptureFixture[str]) -> None:
        agent = AgentFactory(code="rina", team=None)
        assert self.connect(capsys, "--agent", "rina", "--team", "Support") == ""
        agent.refresh_from_db()
        assert agent.team.name == "Support"
        assert AuditEntry.objects.filter(action="agent.changed", object_id=agent.pk).exists()

    def test_the_same_command_twice_leaves_no_second_audit_row(self, capsys: pytest.CaptureFixture[str]) -> None:
        options = ("--agent", "rina", "--team", "Support", "--secret", "rahasia-panjang")
        self.connect(capsys, *options)
        before = AuditEntry.objects.count()
        self.connect(capsys, *options)
        assert AuditEntry.objects.count() == before
        made = AuditEntry.objects.values_list("action", flat=True)
        assert {"agent.created", "team.created"} <= set(made)
