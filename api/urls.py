"""The REST API's addresses, its OpenAPI document and the page that shows it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponsePermanentRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.routers import DefaultRouter

from api.agents import AgentViewSet
from api.assignments import AssignmentViewSet
from api.campaigns import CampaignViewSet
from api.channel_labels import ChannelLabelViewSet
from api.channels import ChannelViewSet
from api.contacts import ContactViewSet
from api.conversions import ConversionViewSet
from api.export_schedules import ExportScheduleViewSet
from api.exports import ExportViewSet
from api.imports import ImportViewSet
from api.inbox import InboxViewSet
from api.label_events import LabelEventViewSet
from api.labels import CategoryViewSet, LabelViewSet
from api.messages import MessageViewSet
from api.segments import SegmentViewSet
from api.teams import TeamViewSet

# One line per list of the API, under /api/v1/.
ENDPOINTS: dict[str, type[Any]] = {
    "inbox": InboxViewSet,
    "channels": ChannelViewSet,
    "contacts": ContactViewSet,
    "labels": LabelViewSet,
    "categories": CategoryViewSet,
    "channel-labels": ChannelLabelViewSet,
    "assignments": AssignmentViewSet,
    "label-events": LabelEventViewSet,
    "agents": AgentViewSet,
    "teams": TeamViewSet,
    "campaigns": CampaignViewSet,
    "messages": MessageViewSet,
    "segments": SegmentViewSet,
    "imports": ImportViewSet,
    "exports": ExportViewSet,
    "conversions": ConversionViewSet,
    "export-schedules": ExportScheduleViewSet,
}

# Swagger's own files and nothing else: no inline script, no inline style, no other origin.
DOCS_CSP = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "connect-src": [SELF],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}


class OnceGenerator(SchemaGenerator):
    """Builds the OpenAPI document once per language: it takes a second and anybody may ask for it."""

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        return _schema(get_language(), public) if request is not None else super().get_schema(request, public)


@lru_cache(maxsize=8)
def _schema(language: str | None, public: bool) -> Any:
    return OnceGenerator().get_schema(None, public)


class FormatParameter(DefaultContentNegotiation):
    """`?format=json`, which only the schema has."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return super().select_renderer(request, renderers, format_suffix or request.query_params.get("format"))


class SchemaView(SpectacularAPIView):
    generator_class = OnceGenerator
    content_negotiation_class = FormatParameter


@method_decorator(csp_replace(DOCS_CSP), name="dispatch")
class DocsView(SpectacularSwaggerSplitView):
    template_name = "api/docs.html"


@csrf_exempt  # nothing is done here, and whoever writes to a wrong address is told so, not about cookies
def not_found(request: HttpRequest) -> HttpResponseBase:
    """An address that does not exist, said in JSON. Reading without the last slash is forgiven."""
    if not request.path.endswith("/") and request.method in {"GET", "HEAD"}:
        return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
    message = _("There is no such address; they all end with a slash, and /api/docs/ lists them.")
    return JsonResponse({"error": {"code": "not_found", "message": message}}, status=404)


router = DefaultRouter()
router.include_format_suffixes = False
for prefix, viewset in ENDPOINTS.items():
    router.register(prefix, viewset, basename=prefix)

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/reports/", include("api.reports")),
    path("v1/reports/", include("api.report_rows")),
    path("v1/", include(router.urls)),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
    re_path("", not_found),
]
