"""Columns and files of code in which nothing about a person stands, beside the register of what is kept of people.

A test walks the schema and the code: what is neither here nor in `transfer.personal_data` fails it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutPeople:
    """Columns, or files of code that remember something, in which nothing about a person stands, and why not."""

    because: str
    places: tuple[str, ...]


def _columns(because: str, **tables: str) -> WithoutPeople:
    places = [f"{table}.{column}" for table, columns in tables.items() for column in columns.split()]
    return WithoutPeople(because=because, places=tuple(places))


WITHOUT_PEOPLE = (
    _columns(
        "words of the program: kinds, states, sources, reasons. What they say of a person is listed with the row",
        contacts_campaignrule="kind match",
        contacts_campaigntouch="method",
        contacts_channel="gateway status timezone",
        contacts_channelgap="reason",
        contacts_channelownership="weekdays",
        contacts_channelstatusevent="state",
        contacts_consent="source",
        contacts_contact="name_source",
        contacts_contactidentity="kind",
        contacts_contactmerge="reason",
        contacts_message="at_source kind wire_type",
        core_auditentry="action object_type",
        core_heartbeat="name",
        core_job="kind state subject",
        core_jobrun="job period",
        core_notice="mail topic",
        core_user="language preferences",
        labels_category="color",
        labels_channellabelevent="kind list_type occurred_at_source",
        labels_cleanspell="method",
        labels_contradictionflag="closed_reason closed_through",
        labels_contradictionrule="kind",
        labels_label="color meaning",
        labels_labelassignment="added_at_source added_by_method origin removed_by_method removed_origin removed_reason",
        labels_labelevent="actor_method effect kind occurred_at_source origin",
        labels_labelspell="method",
        labels_labeltextmodel="digest",
        labels_labelword="side sure",
        labels_sampledgrade="method",
        labels_scopedcleanspell="method",
        labels_scopedlabelspell="method",
        labels_staleflag="closed_reason",
        labels_todayaction="action kind",
        reports_segment="shared",
        transfer_briefmessage="error state way",
        transfer_conversion="network touch_method",
        transfer_conversiondelivery="error state target",
        transfer_conversionevent="basis code meta_name",
        transfer_conversionfile="sha256 target",
        transfer_export="columns excluded kind layout sha256",
        transfer_exportschedule="columns every layout paused_because",
        transfer_scheduledrun="refused",
        webhooks_inboundevent="state",
        webhooks_postcounter="outcome",
        webhooks_reconcilerun="message state trigger",
    ),
    _columns(
        "names that the business gives to things: labels and words for them, campaigns and their costs, teams, roles, "
        "opt-out words",
        auth_group="name",
        contacts_campaign="code name source",
        contacts_campaigncost="note",
        contacts_optoutword="key text",
        contacts_team="name",
        transfer_conversionevent="google_name name name_en",
        transfer_export="scope",
        labels_category="code name name_en",
        labels_channellabel="list_type name",
        labels_channellabelevent="name",
        labels_channellabelmeaning="name",
        labels_contradictionflag="group",
        labels_contradictionrule="name name_en",
        labels_freeday="name",
        labels_label="exclusive_group name name_en",
        labels_labelalias="normalized text",
        labels_refusedname="normalized other",
        labels_labelword="key phrase",
    ),
    _columns(
        "ids of labels and posts, and addresses of gateways",
        contacts_channel="base_url",
        labels_channellabel="external_id",
        labels_contradictionflag="labels",
        labels_staleclock="weekdays",
        labels_channellabelevent="event_key external_id",
        labels_labelmerge="channel_labels",
        labels_labelmergerow="place",
        webhooks_inboundevent="headers",
        webhooks_unknownchannel="gateway key",
    ),
    _columns(
        "ids of the business's own accounts at Meta, and what Meta said of them",
        transfer_metaconnection="address business_account_id dataset_id page_id stopped test_event_code told version",
    ),
    _columns(
        "keys of the installation at its gateways and at Meta, encrypted",
        contacts_channel="api_key verify_token",
        contacts_channelsecret="value",
        transfer_metaconnection="access_token",
    ),
    _columns("numbers by kind of list", core_peopleserved="by_resource"),
    _columns("how far the demo was played; its people are invented", core_setting="key value"),
    _columns(
        "what Django and labelcrm know of their own tables and rights",
        auth_permission="codename name",
        core_rolegrant="permission",
        django_content_type="app_label model",
        django_migrations="app name",
    ),
)
"""Columns that need no line in REGISTER."""

MODULES_WITHOUT_PEOPLE = (
    WithoutPeople(
        because="settings and connections",
        places=(
            "labelcrm/core/addresses.py", "labelcrm/core/cache.py", "labelcrm/core/encryption.py",
            "labelcrm/core/wakeups.py", "labelcrm/settings.py",
        ),
    ),
    WithoutPeople(
        because="colours, names of fields and of permissions, and the API's description",
        places=(
            "api/urls.py", "contacts/selectors/viewing.py", "webhooks/gateways/label_details.py",
            "webhooks/gateways/shapes.py",
        ),
    ),
    WithoutPeople(because="what names of labels say", places=("labels/rules/lexicon.py",)),
    WithoutPeople(
        because="programs of the launcher and of developers",
        places=(
            "desk/management/commands/translations.py", "labelcrm/launcher/binaries.py",
            "labelcrm/launcher/embedded.py",
        ),
    ),
)  # fmt: skip
"""Files of code that remember something or write files, though nothing about a person."""
