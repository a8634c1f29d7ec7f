"""How long first labels and first replies take of all agents together (docs/metrics.md, "CS quality").

Middle values of rows cannot be added up, so the row of the team asks for its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from reports.selectors import agents
from reports.selectors.periods_together import totals
from reports.selectors.questions import Question

TIMES = ("first_label_median_s", "first_label_p90_s", "first_reply_median_s", "first_reply_p90_s")


def of_all(question: Question) -> Mapping[str, float | None]:
    """Each of TIMES in seconds; None where nobody waited. Two queries."""
    sources, values = agents.sources(question), agents.parameters(question)
    found: dict[str, float | None] = {}
    for count in ("first_labelled", "first_replied"):
        [total] = totals(sources[count], values, [question.period])
        found |= {name: total[name] for name in TIMES if name in total}
    return found
