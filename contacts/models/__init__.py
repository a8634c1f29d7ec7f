"""Who: the people we talk to, the people who answer them, the numbers between them, and what brought them."""

from .campaigns import Campaign, CampaignRule, CampaignTouch
from .channels import Channel, ChannelGap, ChannelOwnership, ChannelSecret, ChannelStatusEvent
from .contact import Consent, Contact, ContactChannel, ContactIdentity, ContactMerge, IdentityKind, Message, Note
from .people import Agent, Team

__all__ = [
    "Agent",
    "Campaign",
    "CampaignRule",
    "CampaignTouch",
    "Channel",
    "ChannelGap",
    "ChannelOwnership",
    "ChannelSecret",
    "ChannelStatusEvent",
    "Consent",
    "Contact",
    "ContactChannel",
    "ContactIdentity",
    "ContactMerge",
    "IdentityKind",
    "Message",
    "Note",
    "Team",
]
