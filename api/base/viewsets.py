"""What endpoints are built from: rows the user may see, changed by services, archived and restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from api.base.bulk_reading import count_people
from api.base.filtering import StrictFilterBackend, check_parameters
from api.base.permissions import ModelPermissions
from contacts.selectors.viewing import viewer_of
from labelcrm.core.viewer import Viewer

ORIGIN = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """The services that change the rows of an endpoint; each takes `actor=` and `origin=`."""

    create: Callable[..., Any] | None = None
    update: Callable[..., Any] | None = None
    archive: Callable[..., Any] | None = None
    restore: Callable[..., Any] | None = None


class StrictViewMixin:
    """Refuses query parameters that the view does not know; an action names its own in `parameters`."""

    parameters: dict[str, set[str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if hasattr(self, str(request.method).lower()):  # else it is 405, whatever was asked
            check_parameters(request, self.known_parameters())

    def known_parameters(self) -> set[str]:
        name = getattr(self, "action", None) or ""
        return StrictFilterBackend().known_parameters(self) if name == "list" else self.parameters.get(name, set())

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        response.headers["Cache-Control"] = "no-store"
        return response


class ReadViewSet(StrictViewMixin, mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """Lists and single rows, limited to those the user may see.

    A subclass says what rows there are in `rows()`; `queryset` only names the model, for permissions and the schema.
    """

    lookup_value_regex = "[0-9]{1,18}"
    person = ""  # the attribute of a row that holds the id of the contact it is about; "" when it is about nobody
    cursor_fields: tuple[str, ...] = ("id",)  # what a cursor of this list holds; `keyset` orders by some of them

    @property
    def viewer(self) -> Viewer:
        return viewer_of(self.request.user)

    def rows(self) -> Any:
        """Every row of this endpoint, with what its fields need loaded."""
        raise NotImplementedError

    def get_queryset(self) -> Any:
        return self.rows().visible_to(self.viewer)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        self._count_people(page or ())
        return page

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        self._count_people([row])
        return Response(self.get_serializer(row).data)

    def _count_people(self, rows: Iterable[Any]) -> None:
        if self.person:
            people = (getattr(row, self.person) for row in rows)
            count_people(people, user=self.request.user, resource=self.basename)


class EditViewSet(ReadViewSet):
    """A ReadViewSet whose rows people change through `writes`."""

    http_method_names = ["get", "head", "post", "patch", "delete"]
    writes = Writes()

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        serializer = self.get_serializer(row, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        assert self.writes.update is not None
        self.writes.update(row, actor=request.user, origin=ORIGIN, **serializer.validated_data)
        return self.answer(row.pk)

    def answer(self, pk: int, code: int = status.HTTP_200_OK) -> Response:
        """The row as it is now, even when the change took it out of the user's sight."""
        return Response(self.get_serializer(self.rows().get(pk=pk)).data, status=code)


class CreateMixin:
    def create(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = self.writes.create(actor=request.user, origin=ORIGIN, **serializer.validated_data)
        return self.answer(row.pk, status.HTTP_201_CREATED)


class ArchiveViewSet(CreateMixin, EditViewSet):
    """Rows that are created, changed, archived (DELETE) and restored.

    An archived row is 404 by its id, except for `restore`; `?archived=true` lists it. Whoever may archive may restore.
    """

    action_permissions = {"restore": ModelPermissions.perms_map["DELETE"]}

    def get_queryset(self) -> Any:
        rows = super().get_queryset()
        return rows if self.action in {"list", "restore"} else rows.living()

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Archive: the row is hidden, nothing is lost."""
        assert self.writes.archive is not None
        self.writes.archive(self.get_object(), actor=request.user, origin=ORIGIN)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Bring an archived row back."""
        row = self.get_object()
        assert self.writes.restore is not None
        self.writes.restore(row, actor=request.user, origin=ORIGIN)
        return self.answer(row.pk)
