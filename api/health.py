"""Is it up, is it ready, and how is it doing: /healthz, /readyz, /metrics."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from labelcrm import env
from labelcrm.core.addresses import is_from_this_machine
from labelcrm.core.models import Heartbeat
from labelcrm.core.postgresql.base import waiting_at_most
from labelcrm.core.wakeups import broker_answers
from webhooks.selectors import inbox_summary

SILENT_AFTER = timedelta(minutes=3)
READY_SECONDS = 3.0  # for the database to answer: who probes waits little longer


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up. Asks nobody."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """503 only when the database is missing: everything else degrades and recovers by itself."""
    try:
        with waiting_at_most(READY_SECONDS):
            beats = dict(Heartbeat.objects.values_list("name", "at"))
    except DatabaseError:
        connection.close()
        return JsonResponse(
            {"database": "degraded"} | dict.fromkeys(("broker", "worker", "beat"), "degraded"), status=503
        )
    alive = {name for name, at in beats.items() if at > timezone.now() - SILENT_AFTER}
    state = {
        "database": True,
        "broker": broker_answers(),
        "worker": "worker" in alive,
        "beat": "beat" in alive,
    }
    return JsonResponse({name: "ok" if good else "degraded" for name, good in state.items()})


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for this machine or for who knows METRICS_TOKEN."""
    if not _may_read_metrics(request):
        return HttpResponseForbidden("Metrics are for this machine, or with METRICS_TOKEN as a bearer token.\n")
    registry = CollectorRegistry()
    summary = inbox_summary()
    inbox = Gauge("labelcrm_inbox_events", "Inbox rows by state", ["state"], registry=registry)
    for state in ("pending", "applied", "ignored", "duplicate", "parked"):
        inbox.labels(state).set(summary[state])
    Gauge("labelcrm_inbox_oldest_pending_seconds", "Age of the oldest pending event", registry=registry).set(
        summary["oldest_pending_seconds"] or 0
    )
    beat = Gauge("labelcrm_heartbeat_age_seconds", "Time since a process was last seen", ["process"], registry=registry)
    for name, at in Heartbeat.objects.values_list("name", "at"):
        beat.labels(name).set((timezone.now() - at).total_seconds())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read_metrics(request: HttpRequest) -> bool:
    token = env.string("METRICS_TOKEN", default="")
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(sent.encode(), token.encode()):
        return True
    return is_from_this_machine(request)


class ProbeMiddleware:
    """Answers probes under whatever name they call: proxies ask by address, which is no name of the site."""

    PROBES = {"/healthz": healthz, "/readyz": readyz}

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.PROBES.get(request.path_info, self.get_response)(request)


urlpatterns = [path("metrics", metrics)]
