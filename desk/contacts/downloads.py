"""Files that jobs made, by signed links that need no login and hold for a week."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_safe

from labelcrm.core import jobs
from transfer.job_files import opened


@require_safe
def download(request: HttpRequest, signed: str) -> HttpResponseBase:
    """The file, one part in memory at a time; 410 when its time is over, 404 for what nobody signed."""
    found = opened(signed)
    if found is None:
        raise Http404
    size = found.size
    if found.is_over or not size:
        return TemplateResponse(request, "410.html", status=410)
    headers = {
        "Content-Disposition": f'attachment; filename="{found.filename}"',
        "Content-Length": str(size),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    body = jobs.read_parts(found.job, found.name) if request.method == "GET" else ()
    return StreamingHttpResponse(body, content_type=found.content_type, headers=headers)


urlpatterns = [path("exports/<str:signed>/", download, name="job-file")]
