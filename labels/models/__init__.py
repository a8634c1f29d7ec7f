"""What: the labels a business means, the ones WhatsApp knows, and who had which of them when."""

from labels.models.assignments import LabelAssignment, LabelEvent
from labels.models.canonical import Category, Label, LabelAlias
from labels.models.contradictions import ContradictionFlag, ContradictionRule
from labels.models.handovers import HandedOverContact, Handover
from labels.models.merges import LabelMerge, LabelMergeRow, RefusedName
from labels.models.projections import (
    ChannelScope,
    CleanSpell,
    LabelDay,
    LabelSpell,
    ScopedCleanSpell,
    ScopedLabelSpell,
    ScopedStageStay,
    StageStay,
)
from labels.models.second_looks import LookSample, SampledGrade, SecondLook
from labels.models.staleness import FreeDay, LearnedLimit, StaleClock, StaleFlag, StaleSnooze, StaleSum, TeamLimit
from labels.models.suggestions import LabelTextModel, LabelWord, SuggestionDismissal, SuggestionTraining
from labels.models.today import TodayAction, TodayKind
from labels.models.whatsapp import ChannelLabel, ChannelLabelEvent, ChannelLabelMeaning
from labels.models.words import Effect, Method, Origin, RemovedReason, TimeSource

__all__ = [
    "Category",
    "ChannelLabel",
    "ChannelLabelEvent",
    "ChannelLabelMeaning",
    "ChannelScope",
    "CleanSpell",
    "ContradictionFlag",
    "ContradictionRule",
    "Effect",
    "FreeDay",
    "HandedOverContact",
    "Handover",
    "Label",
    "LabelAlias",
    "LabelAssignment",
    "LabelDay",
    "LabelEvent",
    "LabelMerge",
    "LabelMergeRow",
    "LabelSpell",
    "LabelTextModel",
    "LabelWord",
    "LearnedLimit",
    "LookSample",
    "Method",
    "Origin",
    "RefusedName",
    "RemovedReason",
    "SampledGrade",
    "ScopedCleanSpell",
    "ScopedLabelSpell",
    "ScopedStageStay",
    "SecondLook",
    "StageStay",
    "StaleClock",
    "StaleFlag",
    "StaleSnooze",
    "StaleSum",
    "SuggestionDismissal",
    "SuggestionTraining",
    "TeamLimit",
    "TimeSource",
    "TodayAction",
    "TodayKind",
]
