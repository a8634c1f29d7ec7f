"""The live check: is this channel telling us everything it can, and if not, what is wrong and what to do?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from contacts.models import Channel
from desk.connection.arrivals import LABEL_ITSELF, LABEL_ON_CHAT, MESSAGE, Arrivals
from desk.connection.guides import GUIDES
from desk.templatetags.labelcrm import length
from webhooks.gateways import GATEWAYS
from webhooks.models import InboundEvent, UnknownChannel, session_named

Text = str | Promise
State = InboundEvent.State

GOOD, WAIT, WARN, BAD = "good", "wait", "warn", "bad"
SLOW_DRAIN = timedelta(seconds=30)
PARKED_LATELY = timedelta(days=7)
CLOCK_OFF = timedelta(minutes=5)
CLOCK_POSTS = 5  # so many posts must agree before their clock is doubted


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Something the check noticed. `code` is stable; `session` is the name to take over, where that would mend it."""

    code: str
    level: str
    title: Text
    text: Text = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """One station on the way from the gateway to a label, when it was last passed; `done` False where it never was."""

    title: Text
    done: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict, what was found (worst first) and the stations."""

    findings: tuple[CheckResult, ...]
    stages: tuple[Stage, ...]

    @property
    def verdict(self) -> CheckResult:
        return self.findings[0]

    @property
    def is_waiting(self) -> bool:
        """True while the next event is what everybody waits for: the page asks often."""
        return self.verdict.level != GOOD


def check(channel: Channel, arrived: Arrivals, *, local_address: bool = False) -> Check:
    """Judge a channel by what arrived. `local_address` says that our address works on this machine only."""
    found = [finding for judge in JUDGES for finding in judge(channel, arrived)]
    found += _works(channel, arrived)
    if not found:
        found = [_connected()]
    if local_address and arrived.last_stored is None:
        found.append(_local_address())
    order = (BAD, WARN, WAIT, GOOD)
    return Check(tuple(sorted(found, key=lambda finding: order.index(finding.level))), tuple(_stages(channel, arrived)))


def _works(channel: Channel, arrived: Arrivals) -> Iterator[CheckResult]:
    if not GATEWAYS[channel.gateway].capabilities.labels:
        if MESSAGE in arrived.last_of_kind:
            yield CheckResult(code="works", level=GOOD, title=_("It works: messages arrive."))
    elif channel.last_label_event_at is not None:
        yield CheckResult(code="works", level=GOOD, title=_("It works: labels arrive."))


def _connected() -> CheckResult:
    return CheckResult(
        code="connected",
        level=WAIT,
        title=_("The gateway reaches us"),
        text=_("Now put a label on a personal chat in WhatsApp: it must appear here within a second."),
    )


# -- Judges: each looks at one thing that goes wrong in practice ------------------------------------------------------


def _refused(channel: Channel, arrived: Arrivals) -> Iterator[CheckResult]:
    """Refused posts count while nothing newer was accepted, or when they go on beside accepted ones."""
    refused, stored = arrived.last_refused, arrived.last_stored
    if refused is None or timezone.now() - refused.last_at > timedelta(hours=24):
        return
    if stored is not None and stored > refused.last_at + timedelta(minutes=10):
        return
    accepted_too = stored is not None and refused.outcome == "wrong_signature"
    title, text = _ACCEPTED_TOO() if accepted_too else _REFUSED.get(refused.outcome, _refused_somehow)()
    yield CheckResult(code=refused.outcome, level=WARN if stored is not None else BAD, title=title, text=text)


def _wrong_signature() -> tuple[str, str]:
    return _("Posts arrive, but their signature does not match"), _(
        "Most likely the secret typed into the gateway is another one: copy it again, without spaces. If it is the "
        "same, something between the gateway and here rewrites the body (a proxy, n8n, an API gateway): the "
        "signature covers every byte, so the body must pass unchanged."
    )


def _ACCEPTED_TOO() -> tuple[str, str]:  # noqa: N802 - stands in the table below
    return _("Some posts are accepted, others have a wrong signature"), _(
        "So the secret is right for some of them. Either a second webhook or device posts here with another secret, "
        "or something in between rewrites some bodies (often those with emoji or accents). Post here directly from "
        "the gateway."
    )


def _no_signature() -> tuple[str, str]:
    return _("Posts arrive, but they are not signed"), _(
        "The gateway has no secret for this webhook: set it as the guide below shows. A proxy that drops headers has "
        "the same effect."
    )


def _wrong_token() -> tuple[str, str]:
    return _("Posts arrive, but the token at the end of the address is wrong"), _(
        "Copy the whole address again. After a new secret was made, the former address works only for the hours you "
        "allowed."
    )


def _no_token() -> tuple[str, str]:
    return _("Posts arrive, but the address has no token at its end"), _(
        "The address was cut: copy it again, up to the last slash."
    )


def _too_large() -> tuple[str, str]:
    return _("Posts are larger than what is accepted"), _(
        "Usually media inside the body. Turn it off in the gateway (`autoDownload`, `webhookBase64`): only texts and "
        "labels are needed."
    )


def _not_json() -> tuple[str, str]:
    return _("Posts arrive, but their content is not JSON"), _(
        "Something in between rewrites the body, or the gateway is set to another format."
    )


def _refused_somehow() -> tuple[str, str]:
    return _("Posts are refused"), _("See the reasons below.")


_REFUSED: dict[str, Callable[[], tuple[str, str]]] = {
    "wrong_signature": _wrong_signature,
    "no_signature": _no_signature,
    "wrong_token": _wrong_token,
    "no_token": _no_token,
    "too_large": _too_large,
    "not_json": _not_json,
}


def _nothing_yet(channel: Channel, arrived: Arrivals) -> Iterator[CheckResult]:
    if arrived.last_stored is not None or channel.last_event_at is not None or any(_refused(channel, arrived)):
        return
    other = UnknownChannel.objects.filter(key=channel.key).exclude(gateway=channel.gateway).first()
    if other is not None:
        yield CheckResult(
            code="other_gateway",
            level=BAD,
            title=_("Somebody posts under this key, but as another gateway"),
            text=_("Posts go to `/hooks/%(theirs)s/%(key)s/`. This channel's address begins with `/hooks/%(ours)s/`.")
            % {"theirs": other.gateway, "ours": channel.gateway, "key": channel.key},
        )
    yield CheckResult(
        code="nothing",
        level=WAIT,
        title=_("Waiting for the first event"),
        text=_("Nothing has arrived yet. Set up the gateway as shown below, then: %(test)s")
        % {"test": GUIDES[channel.gateway].test},
    )


def _parked(channel: Channel, arrived: Arrivals) -> Iterator[CheckResult]:
    parked = [post for post in arrived.of_state(State.PARKED) if timezone.now() - post.at < PARKED_LATELY]
    named = next((found for post in parked if (found := session_named(post.reason)) is not None), None)
    if named is not None and named != channel.session:
        yield CheckResult(
            code="session",
            level=BAD,
            title=_("The gateway calls this account “%(session)s”") % {"session": named},
            text=_(
                "This channel expects “%(expected)s”, so the events are kept but not used. If it is the same number, "
                "take the name over; if not, another number posts to this address."
            )
            % {"expected": channel.session},
            session=named,
        )
    elif parked and named is None:
        yield CheckResult(
            code="parked",
            level=WARN,
            title=_("Some events were kept but not understood"),
            text=_("The latest reason: %(reason)s. They can be processed again once the cause is mended.")
            % {"reason": parked[0].why or _("none noted")},
        )


def _waiting_for_worker(channel: Channel, arrived: Arrivals) -> Iterator[CheckResult]:
    waiting = arrived.of_state(State.PENDING)
    if waiting and timezone.now() - waiting[-1].at > SLOW_DRAIN:
        yield CheckResult(
            code="slow",
            level=WARN,
            title=_("Events are stored, but nobody processes them"),
            text=_("They are safe. Is the worker running? The System page tells."),
        )


def _connection(channel: Channel, arrived: Arrivals) -> Iterator[CheckResult]:
    said = {
        Channel.Status.PAIRING: (
            _("The gateway waits for pairing"),
            _("Scan the QR code with the phone of this number."),
        ),
        Channel.Status.STOPPED: (_("The gateway says the number is stopped"), _("Start the session in the gateway.")),
        Channel.Status.FAILED: (
            _("The gateway says the connection failed"),
            _("The phone may have logged the device out. Pair it again in the gateway."),
        ),
    }
    if channel.status in said:
        title, text = said[Channel.Status(channel.status)]
        yield CheckResult(code=f"status_{channel.status}", level=BAD, title=title, text=text)


def _only_ignored(channel: Channel, arrived: Arrivals) -> Iterator[CheckResult]:
    useful = arrived.of_state(State.APPLIED) or arrived.of_state(State.DUPLICATE)
    reasons = arrived.ignored_reasons()
    if useful or not reasons or arrived.of_state(State.PENDING):
        return
    groups = set(reasons) <= {"group", "status", "broadcast", "newsletter"}
    yield CheckResult(
        code="only_groups" if groups else "only_ignored",
        level=WAIT,
        title=_("Only group events so far") if groups else _("Only events that are not for us so far"),
        text=_(
            "The connection works. Groups, status and broadcasts are left out on purpose: try it with a personal chat."
        ),
    )


def _no_labels(channel: Channel, arrived: Arrivals) -> Iterator[CheckResult]:
    """Messages come and labels do not: the most frequent trouble of all."""
    capable = GATEWAYS[channel.gateway].capabilities.labels
    if not capable or channel.last_label_event_at is not None or MESSAGE not in arrived.last_of_kind:
        return
    yield CheckResult(
        code="no_labels",
        level=WARN,
        title=_("Messages arrive, but no label event yet"),
        text=_("Put a label on a personal chat. If nothing comes: %(hint)s")
        % {"hint": GUIDES[channel.gateway].no_labels},
    )


def _clock(channel: Channel, arrived: Arrivals) -> Iterator[CheckResult]:
    if channel.gateway == "evolution" and not channel.timezone and LABEL_ON_CHAT in arrived.last_of_kind:
        yield CheckResult(
            code="time_zone",
            level=WARN,
            title=_("The time zone of the gateway is not known"),
            text=_(
                "So the time of receipt counts for each label. Set the time zone below to use Evolution's own time."
            ),
        )
    recent = [post for post in arrived.posts if post.lag is not None or post.capped][:20]
    if sum(post.capped for post in recent) >= CLOCK_POSTS:
        yield CheckResult(
            code="clock_ahead",
            level=WARN,
            title=_("The gateway's clock is ahead of ours"),
            text=_(
                "Its events come from the future; the time of receipt counts instead. Set its clock, or its time "
                "zone here."
            ),
        )
    labels = [(post.at, post.lag) for post in recent if post.lag is not None and LABEL_ON_CHAT in post.kinds]
    lags = [lag for _at, lag in labels]
    if len(lags) >= CLOCK_POSTS and median(lags) > CLOCK_OFF.total_seconds() and not _caught_up(labels):
        yield CheckResult(
            code="clock_behind",
            level=WARN,
            title=_("Label events arrive %(length)s after their own time") % {"length": length(median(lags))},
            text=_("Either the gateway's clock (or time zone) is wrong, or it delivers late."),
        )


def _caught_up(labels: Sequence[tuple[datetime, float]]) -> bool:
    """Whether what happened over a longer time arrived at once: of each its receipt, and its lag in seconds.

    So does what a gateway kept while nobody reached us, or the history it sends when it is connected: that is late by
    its nature. A wrong clock, or one that always delivers late, leaves events as far apart as they happened.
    """
    arrived = [at for at, _lag in labels]
    happened = [at - timedelta(seconds=lag) for at, lag in labels]
    return max(happened) - min(happened) > 2 * (max(arrived) - min(arrived)) + CLOCK_OFF


Judge = Callable[[Channel, Arrivals], Iterator[CheckResult]]
JUDGES: tuple[Judge, ...] = (
    _refused, _nothing_yet, _parked, _waiting_for_worker, _connection, _only_ignored, _no_labels, _clock,
)  # fmt: skip


def _local_address() -> CheckResult:
    return CheckResult(
        code="local_address",
        level=WAIT,
        title=_("This address works on this machine only"),
        text=_(
            "A gateway in a container or on another machine cannot reach it. Set `PUBLIC_URL` to the address under "
            "which this server is reached from there, and restart."
        ),
    )


# -- Stations ---------------------------------------------------------------------------------------------------------


def _stages(channel: Channel, arrived: Arrivals) -> Iterator[Stage]:
    refused, stored = arrived.last_refused, channel.last_event_at or arrived.last_stored
    seen = [at for at in (stored, arrived.last_stored, refused.last_at if refused else None) if at]
    yield Stage(_("The gateway reaches us"), bool(seen), max(seen, default=None))
    yield Stage(_("Its secret is right"), stored is not None, stored)
    last = arrived.last_of_kind
    yield Stage(_("A message in a personal chat"), MESSAGE in last, last.get(MESSAGE))
    if GATEWAYS[channel.gateway].capabilities.labels:
        at = last.get(LABEL_ON_CHAT)
        yield Stage(_("A label put on or taken off"), at is not None or _labels_known(channel), at)
        if GATEWAYS[channel.gateway].capabilities.label_definitions:
            named = channel.labels.filter(name_is_saved=True).exists()
            yield Stage(_("The names of the labels"), named, last.get(LABEL_ITSELF))


def _labels_known(channel: Channel) -> bool:
    return channel.label_events.exists()
