"""Who: the people we talk to, the people who answer them, the numbers between them, and what brought them."""

from contacts.models.agents import Agent, Team
from contacts.models.campaigns import Campaign, CampaignCost, CampaignRule, CampaignTouch
from contacts.models.channels import Channel, ChannelGap, ChannelOwnership, ChannelSecret, ChannelStatusEvent
from contacts.models.contact import (
    Consent,
    ConsentSource,
    Contact,
    ContactChannel,
    ContactIdentity,
    ContactMerge,
    IdentityKind,
    Message,
    Note,
    OptOutWord,
)
from contacts.models.staff_numbers import StaffNumber

__all__ = [
    "Agent",
    "Campaign",
    "CampaignCost",
    "CampaignRule",
    "CampaignTouch",
    "Channel",
    "ChannelGap",
    "ChannelOwnership",
    "ChannelSecret",
    "ChannelStatusEvent",
    "Consent",
    "ConsentSource",
    "Contact",
    "ContactChannel",
    "ContactIdentity",
    "ContactMerge",
    "IdentityKind",
    "Message",
    "Note",
    "OptOutWord",
    "StaffNumber",
    "Team",
]
