"""What: the labels a business means, the ones WhatsApp knows, and who had which of them when."""

from .canonical import Category, Label, LabelAlias
from .governance import ContradictionRule, Finding, LabelMerge, NamingDecision, StaleFlag, StaleSnooze
from .history import LabelAssignment, LabelCommand, LabelEvent
from .projections import CleanSpell, LabelDay, LabelSpell, StageStay
from .whatsapp import ChannelLabel, ChannelLabelEvent, ChannelLabelMeaning
from .words import Effect, Method, Origin, RemovedReason, TimeSource

__all__ = [
    "Category",
    "ChannelLabel",
    "ChannelLabelEvent",
    "ChannelLabelMeaning",
    "CleanSpell",
    "ContradictionRule",
    "Effect",
    "Finding",
    "Label",
    "LabelAlias",
    "LabelAssignment",
    "LabelCommand",
    "LabelDay",
    "LabelEvent",
    "LabelMerge",
    "LabelSpell",
    "Method",
    "NamingDecision",
    "Origin",
    "RemovedReason",
    "StageStay",
    "StaleFlag",
    "StaleSnooze",
    "TimeSource",
]
