"""The same facts over several periods in one query.

The words of the facts stay what they are: their start and end become the start and end of a row of periods, and the
database answers them for each. A figure of one period is therefore what its report says of that period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labelcrm.core.bulk import fetch, transpose
from reports.selectors import facts, owners
from reports.selectors.facts import Facts
from reports.selectors.periods import Period

Summaries = dict[Any, dict[str, Any]]


def summaries(each: Facts, parameters: Mapping[str, Any], periods: Sequence[Period]) -> list[Summaries]:
    """What `facts.summarize` gives for each period. `parameters` are those of a question over all of them."""
    found: list[Summaries] = [{} for _period in periods]
    for place, who, *values in fetch(_statement(each, "who"), _values(parameters, periods)):
        found[place - 1][who] = _named(each, values)
    return found


def totals(each: Facts, parameters: Mapping[str, Any], periods: Sequence[Period]) -> list[dict[str, Any]]:
    """The same of all rows of a report together, whose middle values cannot be added up."""
    rows = fetch(_statement(each, ""), _values(parameters, periods))
    return [_named(each, values) for _place, *values in sorted(rows, key=lambda row: row[0])]


def measured(
    each: Facts,
    count: str,
    expression: str,
    parameters: Mapping[str, Any],
    periods: Sequence[Period],
    *,
    who: Any,
    everybody: bool = False,
) -> list[list[float]]:
    """What an expression over the facts that `count` counts gives for `who`, or for everybody, in ascending order."""
    chosen = "" if everybody else f"AND who IS NOT DISTINCT FROM %(who)s::{each.key.sql}"
    asked = f"""
        {facts.expressions_of(each)}
        SELECT coalesce(array_agg({expression} ORDER BY {expression}), '{{}}') AS measured
        FROM ({each.query}) AS facts WHERE ({each.counts[count]}) {chosen}
    """  # noqa: S608
    statement = f"SELECT span.place, part.measured FROM {_SPANS} CROSS JOIN LATERAL ({_of_span(asked)}) AS part"  # noqa: S608
    rows = fetch(statement, _values(parameters, periods) | {"who": who})
    return [list(values) for _place, values in sorted(rows, key=lambda row: row[0])]


def _statement(each: Facts, who: str) -> str:
    columns = [f'count(*) FILTER (WHERE {condition}) AS "{name}"' for name, condition in each.counts.items()]
    columns += [f"{expression} AS {name}" for name, expression in each.measures.items()]
    wanted = ", ".join([*([who] if who else []), *columns])
    grouped = f"GROUP BY {who}" if who else ""
    asked = f"{facts.expressions_of(each)} SELECT {wanted} FROM ({each.query}) AS facts {grouped}"  # noqa: S608
    return f"SELECT span.place, part.* FROM {_SPANS} CROSS JOIN LATERAL ({_of_span(asked)}) AS part"  # noqa: S608


_SPANS = """
    unnest(%(span_since)s::timestamptz[], %(span_until)s::timestamptz[]) WITH ORDINALITY AS span (since, until, place)
"""


def _of_span(asked: str) -> str:
    """Who owned a number is told for all periods at once, and holds in each as far as the period reaches."""
    clipped = asked.replace(owners.OWNED, _OWNED)
    return clipped.replace("%(start)s", "span.since").replace("%(end)s", "span.until")


_OWNED = """
    owned AS (
        SELECT o.channel_id, o.agent_id, greatest(o.since, span.since) AS since, least(o.until, span.until) AS until
        FROM unnest(%(owned_channel)s::bigint[], %(owned_agent)s::bigint[], %(owned_since)s::timestamptz[],
                    %(owned_until)s::timestamptz[]) AS o (channel_id, agent_id, since, until)
        WHERE o.since < span.until AND o.until > span.since
    )
"""


def _values(parameters: Mapping[str, Any], periods: Sequence[Period]) -> dict[str, Any]:
    since, until = transpose([(period.start, period.end) for period in periods], 2)
    return {**parameters, "span_since": since, "span_until": until}


def _named(each: Facts, values: Sequence[Any]) -> dict[str, Any]:
    return dict(zip([*each.counts, *each.measures], values, strict=True))
