"""Text looked for without case and accents, the same way in an index, in a query set and in written SQL."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Func, Lookup, TextField

# PostgreSQL does all of it, on both sides of a comparison: how Python would fold a letter does not matter.
UNACCENTED = r"lower(regexp_replace(normalize({}, NFKD), '[\u0300-\u036f]', '', 'g'))"
# What LIKE would read as more than itself.
_PLAIN = r"replace(replace(replace({}, '\', '\\'), '%%', '\%%'), '_', '\_')"


def contains_unaccented(column: str, sought: str) -> str:
    """The condition that `column` holds `sought`, both SQL, without case and accents; a percent sign is doubled."""
    return f"{UNACCENTED.format(column)} LIKE '%%' || {_PLAIN.format(UNACCENTED.format(sought))} || '%%'"


class Unaccented(Func):
    """A text without case and accents, as an index keeps it."""

    template = UNACCENTED.format("%(expressions)s")
    output_field = TextField()


@CharField.register_lookup
class ContainsUnaccented(Lookup):
    """`name__contains_unaccented="siti"`: holds the text, whatever its case and accents."""

    lookup_name = "contains_unaccented"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        column, values = self.process_lhs(compiler, connection)
        sought, more = self.process_rhs(compiler, connection)
        return contains_unaccented(column, f"{sought}::text"), (*values, *more)
