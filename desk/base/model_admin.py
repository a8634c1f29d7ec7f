"""What every admin page here has in common: rows by team, archive instead of delete, records that nobody edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import time
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.contrib.admin.widgets import AutocompleteMixin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RadioFilter

from contacts.selectors.viewing import viewer_of
from desk.base import history
from desk.base.chips import ChipChangeList
from desk.base.chosen_columns import choose, shown_columns
from desk.base.days import DayField, DayInput, DayTimeField, DayTimeInput
from labelcrm.core import edits
from labelcrm.core.models import AuditEntry
from labelcrm.lib.numbers import row_id

HISTORY_PAGE = 100
ORIGIN = "admin"  # tells in the audit trail what these pages did from what the API did


_find_chosen = AutocompleteMixin.optgroups


def _find_chosen_ids(self: Any, name: str, value: list[str], attr: Any = None) -> Any:
    """Django looks up whatever a form brought back: "²" is none of the choices, and the field says so."""
    return _find_chosen(self, name, [text for text in value if row_id(text)], attr)


AutocompleteMixin.optgroups = _find_chosen_ids  # type: ignore[assignment]


DAYS: Mapping[type[models.Field[Any, Any]], Mapping[str, Any]] = {
    models.DateField: {"form_class": DayField, "widget": DayInput},
    models.DateTimeField: {"form_class": DayTimeField, "widget": DayTimeInput(time.min)},
}


class StaffAdmin(ModelAdmin):
    """Shows each user the rows they may see. Nothing is ever deleted from a page."""

    formfield_overrides = DAYS
    list_filter_submit = True
    list_before_template = "includes/list_head.html"
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count per choice is a query per choice
    empty_value_display = "–"
    empty_help: Any = ""  # what to do when the list is empty
    quick_filters: tuple[str, ...] = ()  # parameters of the filters that stand above the list as well
    columns_off: tuple[str, ...] = ()  # columns that a reader sees only when they choose them
    card: tuple[str, ...] = ()  # up to four columns for a phone's card: title, beside it, second line, its end

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self._rows()
        rows = rows.visible_to(viewer_of(request.user)) if hasattr(rows, "visible_to") else rows
        return rows.order_by(*self.get_ordering(request) or self.opts.ordering)

    def _rows(self) -> QuerySet[Any]:
        return self.model._default_manager.all()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChipChangeList]:
        return ChipChangeList

    def get_list_display(self, request: HttpRequest) -> Any:
        return shown_columns(self, request.user)

    def get_urls(self) -> list[URLPattern]:
        choose_columns = self.admin_site.admin_view(require_POST(self.choose_columns))
        name = f"{self.opts.app_label}_{self.opts.model_name}_columns"
        return [path("columns/", choose_columns, name=name), *super().get_urls()]

    def choose_columns(self, request: HttpRequest) -> HttpResponse:
        """Remember which columns the reader wants, and show the list as it was."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        choose(self, request.user, request.POST.getlist("column"))
        return HttpResponseRedirect(f"../?{request.META['QUERY_STRING']}")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With who looks: an empty list says other things to who is in no team."""
        changelist = super().get_changelist_instance(request)
        changelist.viewer = viewer_of(request.user)
        return changelist

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        return _choices(db_field, request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # Django's own log is not written: the audit trail says more, and does not keep what somebody is called.

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The audit trail of the row. Whether there is such a row is told only to who may see rows of its kind."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        pages = self.get_paginator(request, history.entries(obj) if obj else AuditEntry.objects.none(), HISTORY_PAGE)
        page = pages.get_page(request.GET.get(PAGE_VAR, 1))
        page.object_list = history.lines(self.model, page.object_list, viewer=viewer_of(request.user))
        shown = {
            "action_list": page,
            "page_range": pages.get_elided_page_range(page.number),
            "pagination_required": pages.num_pages > 1,
        }
        return super().history_view(request, object_id, shown | (extra_context or {}))


class StaffInline(TabularInline):
    """Rows below a row; what they point to is chosen among what the reader sees."""

    formfield_overrides = DAYS

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        return _choices(db_field, request)


def _choices(field: Any, request: HttpRequest) -> QuerySet[Any]:
    """Choices of a foreign key: rows this user sees, archived ones too, so that saving never loses one."""
    model = field.remote_field.model
    rows = getattr(model, "all_objects", model._default_manager).all()
    return rows.visible_to(viewer_of(request.user)) if hasattr(rows, "visible_to") else rows


class ArchivedFilter(RadioFilter):
    """Living rows, unless somebody asks for the archived ones."""

    title = _("archived")
    parameter_name = "archived"
    all_option = ("", _("No"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Archived rows only"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(deleted_at__isnull=self.value() != "1")


class ArchivableAdmin(StaffAdmin):
    """Archive and restore, for who has the permission that Django calls delete."""

    actions = ("archive_rows", "restore_rows")

    def _rows(self) -> QuerySet[Any]:
        return self.model.all_objects.all()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        match = request.resolver_match
        return rows.filter(deleted_at__isnull=True) if match and match.url_name == "autocomplete" else rows

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [*super().get_list_filter(request), ArchivedFilter]

    def has_archive_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.delete_{self.opts.model_name}"))

    def archive(self, obj: Any, *, actor: Any) -> None:
        """Hide one row, with its audit entry."""
        edits.archive(obj, actor=actor, origin=ORIGIN)

    def restore(self, obj: Any, *, actor: Any) -> None:
        """Show one row again, with its audit entry. Raises ValidationError when its name is taken by now."""
        edits.restore(obj, actor=actor, origin=ORIGIN)

    @admin.action(description=_("Archive"), permissions=["archive"])
    def archive_rows(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        self._each(request, queryset.filter(deleted_at__isnull=True), self.archive, _archived_note)
        return None

    @admin.action(description=_("Restore from the archive"), permissions=["archive"])
    def restore_rows(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._each(request, queryset.filter(deleted_at__isnull=False), self.restore, _restored_note)

    def _each(
        self, request: HttpRequest, rows: QuerySet[Any], action: Callable[..., None], note: Callable[[int], str]
    ) -> None:
        done = 0
        for obj in rows:
            try:
                action(obj, actor=request.user)
                done += 1
            except ValidationError as error:
                self.message_user(request, f"{obj}: {' '.join(error.messages)}", messages.ERROR)
        self.message_user(request, note(done), messages.SUCCESS if done else messages.WARNING)


def _archived_note(rows: int) -> str:
    return ngettext("%(n)d row archived.", "%(n)d rows archived.", rows) % {"n": rows}


def _restored_note(rows: int) -> str:
    return ngettext("%(n)d row restored.", "%(n)d rows restored.", rows) % {"n": rows}


class RecordAdmin(StaffAdmin):
    """Rows that are written by the system and only read by people."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class EditingAdmin(StaffAdmin):
    """Saves what was changed, and nothing else, through services that lock the row and write the audit entry."""

    def create(self, *, actor: Any, **values: Any) -> Any:
        return edits.create(self.model, actor=actor, origin=ORIGIN, **values)

    def change(self, obj: Any, *, actor: Any, **values: Any) -> Any:
        return edits.change(obj, actor=actor, origin=ORIGIN, **values)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        values = self.values_of(form, changed_only=change)
        saved = self.change(obj, actor=request.user, **values) if change else self.create(actor=request.user, **values)
        obj.__dict__.update(saved.__dict__)  # Django goes on with `obj`: links, messages, inlines

    def values_of(self, form: Any, *, changed_only: bool) -> dict[str, Any]:
        """The fields of the form that are columns of the row."""
        columns = {field.name for field in self.opts.concrete_fields}
        names = form.changed_data if changed_only else form.cleaned_data
        return {name: form.cleaned_data[name] for name in names if name in columns}

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What only a service could know to be wrong is said in a message, and nothing is saved."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except ValidationError as error:
            for sentence in error.messages:
                self.message_user(request, sentence, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


def either(rows: QuerySet[Any], pk: int | None) -> QuerySet[Any]:
    """`rows` and the one with this key: the choice a form already holds stays valid even when it is not visible."""
    return rows.model.all_objects.filter(Q(pk__in=rows.values("pk")) | Q(pk=pk)) if pk else rows
