"""`/mcp/`: the streamable HTTP transport of MCP, with the tokens, rates and rights of the API."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from api.base.authentication import TokenAuthentication
from api.mcp.mcp_tool import Asker


@extend_schema(exclude=True)
class McpView(APIView):
    """One JSON-RPC message in, one out. There is no session, and no stream to listen to: GET is refused."""

    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated,)
    http_method_names = ("post",)

    def post(self, request: Request) -> HttpResponse:
        server: Any = import_module("api.mcp.server")  # with its 55 MB, when somebody asks
        asker = Asker(request.user, request.build_absolute_uri("/").rstrip("/"))
        told = async_to_sync(server.answer_post)(asker, headers=request.headers, body=request.body)
        response = HttpResponse(told.body, status=told.status)
        for name, value in told.headers:
            if name.lower() != "content-length":
                response.headers[name] = value
        return response


urlpatterns = [path("mcp/", McpView.as_view(), name="mcp")]
