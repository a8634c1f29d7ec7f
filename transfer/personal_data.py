"""The register of personal data: every column, file and cache that can hold something about a person.

One line says whom it is about, what it holds, how it is to be erased, whether the person is given it who asks for
their data, and how long it is kept. `kept` is true of the code as it is. `erase` says what erasing a person must do:
nothing erases a person yet, and what will do it, what will delete by age and what will write a person's own data to a
file read their columns here.

`tests/transfer/test_personal_data.py` compares it with the schema, the settings and what is really written: a column
of text, JSON, bytes, addresses or a list stands in REGISTER or, with the reason, in `transfer.without_people`.
docs/personal-data.md is the same for people; `transfer.personal_data_page` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, StrEnum
from itertools import chain


class About(StrEnum):
    """Whom it is about: a customer, somebody who works here, or both."""

    CONTACT = "customers"
    STAFF = "staff"
    BOTH = "customers and staff"


class DataPlace(StrEnum):
    """Where it is kept. A row is what a table says of a person by its ids, times, numbers and codes."""

    COLUMN = "column"
    ROW = "row"
    FILE = "file"
    CACHE = "cache"
    MEMORY = "memory"
    LOG = "log"
    BROWSER = "browser"
    BACKUP = "backup"


class Erase(StrEnum):
    """What erasing a person must do to it."""

    ROW = "deleted with the person"
    EMPTY = "emptied; the rest of the row stays"
    HASH = "deleted; a keyed hash stays, so that what is told late of the person is not recorded again"
    REMADE = "made again from what is left"
    EXPIRES = "ends by itself"
    BY_HAND = "by whoever runs the server"
    STAYS = "stays"


class Kept(StrEnum):
    """How long, where that is no span of time."""

    CONTACT = "until the contact is erased"
    USER = "until the user is erased: users are deactivated, not deleted"
    TAKEN_BACK = "until somebody takes it back"
    AGENT = "until the agent is erased: agents are archived, not deleted"
    UNTIL_ERASED = "until erased: nothing deletes it by itself"
    FOR_EVER = "for ever"
    SOURCE = "as long as what it is made from"
    BODY = "30 days after it was processed (INBOX_BODY_DAYS); ignored: emptied at once; parked: until erased"
    LOGIN = "15 minutes (AXES_COOLOFF_TIME) and on until anybody logs in or fails to"
    SESSION = "valid for 7 days (SESSION_COOKIE_AGE); the row until logout, else until erased"
    NOTICE = "90 days"
    JOB = "90 days after it ended"
    JOB_FILE = "until the job ends; what it made 7 days more, what a failed one left 1 day"
    STEP = "as long as the step of the job"
    REQUEST = "as long as the request"
    PROCESS = "until newer ones take its place; at most as long as the process runs"
    SERVER = "as long as whoever runs the server keeps it"
    DEVICE = "as long as the person whose device it is keeps it"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """One line of the register.

    `place` is `table.column`, `table` for its rows, or the name of a file, a cache key or the like. `export` says
    whether it is given to the person who asks; both are said for the customer where a row belongs to one, and of the
    staff in it only the link goes. `note` gives a reason or a limit. `modules` are the files of code that
    put it there, where it is not the database.
    """

    place: str
    kind: DataPlace
    about: About
    holds: str
    erase: Erase
    export: bool
    kept: Kept | timedelta
    note: str = ""
    modules: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """The table of a column or row; "" for everything else."""
        return self.place.partition(".")[0] if self.kind in (DataPlace.COLUMN, DataPlace.ROW) else ""


class _Rules(Enum):
    """(about, erase, export, kept) of what hangs together."""

    CONTACT = (About.CONTACT, Erase.ROW, True, Kept.CONTACT)
    CONTACT_INSIDE = (About.CONTACT, Erase.ROW, False, Kept.CONTACT)  # copies, and ids that say nothing to the person
    CLICK = (About.CONTACT, Erase.ROW, False, Kept.UNTIL_ERASED)
    IDENTITY = (About.CONTACT, Erase.HASH, True, Kept.CONTACT)
    DERIVED = (About.CONTACT, Erase.REMADE, False, Kept.SOURCE)
    USER = (About.STAFF, Erase.EMPTY, True, Kept.USER)
    USER_SECRET = (About.STAFF, Erase.EMPTY, False, Kept.USER)
    TOKEN = (About.STAFF, Erase.ROW, False, Kept.TAKEN_BACK)
    USER_INSIDE = (About.STAFF, Erase.ROW, False, Kept.USER)
    AGENT = (About.STAFF, Erase.EMPTY, True, Kept.AGENT)
    NUMBER = (About.STAFF, Erase.EMPTY, True, Kept.UNTIL_ERASED)
    OWN = (About.STAFF, Erase.ROW, True, Kept.TAKEN_BACK)  # what somebody says of themselves
    WORK = (About.STAFF, Erase.STAYS, True, Kept.FOR_EVER)
    FAILED_LOGIN = (About.STAFF, Erase.EXPIRES, True, Kept.LOGIN)
    LOGIN = (About.STAFF, Erase.ROW, True, Kept.UNTIL_ERASED)
    BESIDE = (About.CONTACT, Erase.EMPTY, False, Kept.UNTIL_ERASED)  # of a customer, in a row that is not theirs
    POST_BODY = (About.CONTACT, Erase.EMPTY, False, Kept.BODY)
    SESSION = (About.BOTH, Erase.ROW, False, Kept.SESSION)
    READ = (About.BOTH, Erase.ROW, False, Kept.UNTIL_ERASED)
    NOTICE = (About.STAFF, Erase.ROW, False, Kept.NOTICE)
    BRIEF = (About.STAFF, Erase.ROW, True, Kept.NOTICE)
    JOB = (About.BOTH, Erase.EXPIRES, False, Kept.JOB)
    JOB_FILE = (About.BOTH, Erase.EXPIRES, False, Kept.JOB_FILE)
    RUN = (About.BOTH, Erase.EMPTY, False, Kept.UNTIL_ERASED)
    TRAIL = (About.BOTH, Erase.STAYS, False, Kept.FOR_EVER)


def _line(place: str, rules: _Rules, holds: str, note: str = "") -> PersonalData:
    about, erase, export, kept = rules.value
    kind = DataPlace.COLUMN if "." in place else DataPlace.ROW
    return PersonalData(
        place=place, kind=kind, about=about, holds=holds, erase=erase, export=export, kept=kept, note=note
    )


def _table(table: str, rules: _Rules, row: str, /, *, by_staff: bool = False, **columns: str) -> Iterator[PersonalData]:
    """The line of a table's rows, and one for each of its columns that say more.

    `by_staff`: a row about a customer says who of the staff did it, too.
    """
    rows = _line(table, rules, row)
    yield replace(rows, about=About.BOTH) if by_staff else rows
    for column, holds in columns.items():
        yield _line(f"{table}.{column}", rules, holds)


# -- The database -----------------------------------------------------------------------------------------------------

_CONTACTS = [
    *_table(
        "contacts_contact", _Rules.CONTACT,
        "when they were first seen, wrote and were answered, who answers them, their campaign, whether they opted out",
        by_staff=True,
        name="what they are called: their WhatsApp profile, or what somebody typed",
        phone="phone number",
        lid="WhatsApp's id in place of the number",
        user_id="Meta's id of the person for this business",
        username="public WhatsApp name",
    ),
    *_table(
        "contacts_contactidentity", _Rules.IDENTITY, "since when they go by it",
        value="every phone number, LID and Meta id they ever went by",
    ),
    *_table("contacts_contactchannel", _Rules.CONTACT, "on which of our numbers they wrote, first and last"),
    *_table(
        "contacts_message", _Rules.CONTACT, "when, to which of our numbers, in or out, of which kind",
        text="the words of a message, or the caption of a picture",
        ad="the ad they came by: its id, address, title and the id of their click",
    ),
    _line("contacts_message.external_id", _Rules.CONTACT_INSIDE, "WhatsApp's id of the message"),
    *_table(
        "contacts_note", _Rules.CONTACT, "when, and who wrote it", by_staff=True,
        text="what a colleague wrote about them",
    ),
    *_table(
        "contacts_consent", _Rules.CONTACT, "when they agreed to be written to, or withdrew it, and who noted that",
        by_staff=True,
        reason="why a colleague let them in again who had opted out",
    ),
    *_table(
        "contacts_campaigntouch", _Rules.CONTACT, "which campaign reached them, when, and how that is known",
        evidence="the ad's id, its ref and the id of their click, or words of their first message",
    ),
    _line(
        "contacts_campaignrule.pattern", _Rules.CLICK, "of a rule by click id: the id of one person's click",
        note="of every other rule the id of an ad, or words of ours",
    ),
    *_table(
        "reports_segment", _Rules.BESIDE, "who made a segment, whose it is and who sees it",
        by_staff=True,
        name="what a segment is called; somebody may call it after a customer",
        definition="whom it means: ids, times, and a part of a name or a number that somebody looks for",
    ),
    *_table(
        "transfer_export", _Rules.BESIDE, "who exported which contacts, when, and how many were left out and why",
        by_staff=True,
        name="what the segment was called; somebody may call it after a customer",
        definition="whom it meant: ids, times, and a part of a name or a number that somebody looked for",
        sentence="the same in words",
    ),
    _line(
        "transfer_exportedperson", _Rules.CONTACT_INSIDE, "in which exports they were, or why they were left out",
        note="the page of a contact says so to who may export",
    ),
    *_table(
        "transfer_conversion", _Rules.CONTACT, "that an ad brought them to which label, when, and what that is worth",
        click_id="the id of their click on an ad, Meta's or Google's",
        ad_id="the id of the ad",
    ),
    *_table(
        "transfer_conversiondelivery", _Rules.CONTACT, "whether Meta or Google was told so, when, in which file",
        told="what Meta answered",
    ),
    _line("transfer_conversionfile", _Rules.WORK, "who made a file of conversions, when, and how many were in it"),
    *_table(
        "contacts_contactmerge", _Rules.CONTACT_INSIDE, "that two contacts are one person, who found that and when",
        by_staff=True,
        identity_ids="ids of the rows that came from the other contact",
        moved="the same, of every table",
        before="what both were before, name and numbers among it: undoing needs it",
    ),
    *_table(
        "labels_labelevent", _Rules.CONTACT, "which label came on or off, when, by whom, and how that is known",
        by_staff=True,
    ),
    _line("labels_labelevent.event_key", _Rules.CONTACT_INSIDE, "a hash of the post that told it"),
    *_table(
        "labels_labelassignment", _Rules.CONTACT, "which label they had from when to when, and by whom",
        by_staff=True,
        channel_label_name="what the label is called in WhatsApp",
    ),
    *chain.from_iterable(
        _table(name, _Rules.DERIVED, "the same, made ready for reports", by_staff=True)
        for name in (
            "labels_labelspell", "labels_cleanspell", "labels_scopedlabelspell", "labels_scopedcleanspell",
            "labels_stagestay", "labels_scopedstagestay",
        )
    ),
    *_table(
        "labels_staleflag", _Rules.CONTACT_INSIDE, "a label they had for too long, and whose it was to look",
        by_staff=True,
    ),
    *_table("labels_stalesum", _Rules.CONTACT_INSIDE, "what these come to: how urgent somebody is"),
    _line(
        "labels_labelmergerow.before", _Rules.CONTACT_INSIDE, "of a merge of labels: flags of theirs as they were",
        note="and segments, which may hold a part of a name that somebody looked for",
    ),
    _line(
        "labels_labelmergerow.after", _Rules.BESIDE, "a segment that a merge of labels changed, as the merge left it",
    ),
    *_table(
        "labels_stalesnooze", _Rules.CONTACT, "who said when that a label is still right", by_staff=True,
        reason="why, in a colleague's words",
    ),
    *_table(
        "labels_contradictionflag", _Rules.CONTACT,
        "which labels of theirs did not go together, whose it was to look, and who settled it", by_staff=True,
        remark="why both are right, in a colleague's words",
    ),
    *_table(
        "labels_todayaction", _Rules.CONTACT_INSIDE,
        "what a colleague did about them on the Today page, until when it is put off, and how to undo it",
        by_staff=True,
        reason="why, in a colleague's words",
        before="ids and times as they were before",
    ),
    *_table(
        "labels_sampledgrade", _Rules.CONTACT_INSIDE,
        "that a grade of theirs was drawn for a second look, and who took one back", by_staff=True,
    ),
    *_table(
        "labels_suggestiondismissal", _Rules.CONTACT_INSIDE,
        "that somebody said a label is not to be suggested for what they wrote", by_staff=True,
    ),
    _line(
        "labels_labeltextmodel.weights", _Rules.DERIVED,
        "words and pairs of words that contacts with a label wrote before they got it, with a weight each",
        note="none with a digit, and none that fewer than five contacts wrote; learned anew every week",
    ),
    *_table(
        "labels_secondlook", _Rules.CONTACT, "which label a second reviewer would have given, who that was and when",
        by_staff=True,
    ),
    _line(
        "webhooks_inboundevent.body", _Rules.POST_BODY,
        "the post of the gateway as it came: numbers, names, messages, ads, contact cards",
        note="what could be read of it is given as messages and labels",
    ),
    _line("webhooks_inboundevent.dedupe_key", _Rules.BESIDE, "the gateway's id of the post, or a hash of what it says"),
    _line(
        "webhooks_inboundevent.reason", _Rules.BESIDE,
        "why a post was set aside; may quote the number, name or value that could not be read",
    ),
]  # fmt: skip

_STAFF = [
    *_table(
        "core_user", _Rules.USER, "when they began, when they last logged in, what they may do, their language",
        username="login name",
        first_name="first name",
        last_name="last name",
        email="e-mail address",
    ),
    _line("core_user.password", _Rules.USER_SECRET, "a salted hash of the password"),
    *_table("core_user_groups", _Rules.USER_INSIDE, "their roles"),
    *_table("core_user_user_permissions", _Rules.USER_INSIDE, "rights besides their roles"),
    *_table("contacts_team_members", _Rules.USER_INSIDE, "the teams whose rows they see"),
    *_table(
        "contacts_staffnumber", _Rules.OWN, "when they confirmed their number, and how many codes they asked for",
        phone="their own WhatsApp number, for the morning brief",
        lid="WhatsApp's id of it",
        code_hash="a keyed hash of the code that was sent there, for ten minutes",
    ),
    *_table(
        "transfer_briefplan", _Rules.OWN, "at which hour they want a morning brief, and by which ways",
        weekdays="on which days",
    ),
    _line("transfer_briefmessage", _Rules.BRIEF, "which morning briefs went to them, by which way, and how that went"),
    *_table("core_notice", _Rules.NOTICE, "what they were told", mail_error="why no mail went; may quote the address"),
    _line("transfer_exportschedule", _Rules.WORK, "who set up which export that repeats"),
    _line("transfer_exportschedule_recipients", _Rules.USER_INSIDE, "which links they are sent"),
    *_table("authtoken_token", _Rules.TOKEN, "since when their programs may log in", key="the key they do it with"),
    *_table(
        "contacts_agent", _Rules.AGENT, "which login and team is theirs",
        code="short name",
        name="name",
    ),
    *_table("contacts_channelownership", _Rules.WORK, "whose WhatsApp number it was, from when to when, which hours"),
    _line("contacts_channel.key", _Rules.NUMBER, "our short name of a WhatsApp number, often that of who uses it"),
    _line("contacts_channel.name", _Rules.NUMBER, "what the number is called, often after who uses it"),
    _line("contacts_channel.session", _Rules.NUMBER, "what the gateway calls it"),
    _line("contacts_channel.own_phone", _Rules.NUMBER, "the number itself", note="the business's, or an agent's own"),
    _line("contacts_channel.own_lid", _Rules.NUMBER, "WhatsApp's id of that number"),
    *_table(
        "labels_handover", _Rules.WORK, "which CS handed over to whom and when, and who asked for it",
        note="what whoever handed over wrote to those who take over",
        plan="who gets which contacts and numbers, by ids",
        numbers="which ownerships of numbers ended and began by it, by ids",
        counts="how many contacts there were of each kind",
    ),
    *_table("labels_handover_receivers", _Rules.WORK, "who takes over from a CS"),
    *_table(
        "labels_handedovercontact", _Rules.CONTACT_INSIDE,
        "who answered a customer before a handover and who does since, and what was open then", by_staff=True,
    ),
    *_table("labels_looksample", _Rules.WORK, "whose grades of which week were drawn for a second look, and by whom"),
    *_table("labels_labelmerge", _Rules.WORK, "who merged which labels when"),
    *_table("labels_refusedname", _Rules.WORK, "who said when that two names of labels are not the same"),
    *_table("labels_channellabelmeaning", _Rules.WORK, "who decided when what a WhatsApp label means"),
    *_table(
        "axes_accessattempt", _Rules.FAILED_LOGIN, "failed logins: when, how often",
        username="the name that was typed",
        ip_address="the address it came from",
        user_agent="the browser",
        http_accept="what the browser reads",
        path_info="the page",
        get_data="what was in the page's address; the password is blanked",
        post_data="what was typed; the password is blanked",
    ),
    *_table(
        "axes_accesslog", _Rules.LOGIN, "when they logged in and out",
        username="login name",
        ip_address="the address they came from",
        user_agent="their browser",
        http_accept="what it reads",
        path_info="the page",
        session_hash="a hash of their session",
    ),
    *_table(
        "axes_accessfailurelog", _Rules.LOGIN, "failed logins; nothing is written there",
        username="the name that was typed",
        ip_address="the address it came from",
        user_agent="the browser",
        http_accept="what it reads",
        path_info="the page",
    ),
]  # fmt: skip

_BOTH = [
    *_table(
        "core_auditentry", _Rules.TRAIL, "who did what when to which contact, message or note, by id",
        object_name="what a thing of the business is called, staff among them; never a customer",
        details="what changed; of customers ids, numbers and codes only",
    ),
    _line("core_peopleserved", _Rules.LOGIN, "how many people a user read through the API on a day"),
    _line("core_peopleserved.seen", _Rules.BESIDE, "ids of the contacts they were shown"),
    *_table(
        "core_job", _Rules.JOB, "who asked for long work, when, how it went",
        parameters="what was asked for; what an imported file is called; of filters of an export ids and codes",
        cursor="where it stands",
        result="what came of it",
        error="what went wrong; may quote a value",
    ),
    _line("core_jobfile.name", _Rules.JOB_FILE, "what the file of a job is called"),
    _line(
        "core_jobfile.body", _Rules.JOB_FILE,
        "an export, the rows it is made of, an import, what it changed and the rows of it that were refused",
    ),
    _line("core_jobrun.result", _Rules.RUN, "what a scheduled job counted, or its error"),
    *_table(
        "django_session", _Rules.SESSION, "until when a login is valid",
        session_key="the key of the login, the same as in the browser's cookie",
        session_data="whose it is; a sentence for the next page, which may name a customer",
    ),
    *_table(
        "django_admin_log", _Rules.READ, "Django's own log of changes: nothing is written there, the audit trail is",
        object_id="id of what was changed",
        object_repr="what it is called",
        change_message="what was changed",
    ),
]  # fmt: skip


# -- Elsewhere --------------------------------------------------------------------------------------------------------

_ELSEWHERE = [
    PersonalData(
        place="temporary files", kind=DataPlace.FILE, about=About.CONTACT, erase=Erase.EXPIRES, export=False,
        holds="a workbook while it is made, or an upload of more than 2.5 MB while it is sent",
        kept=Kept.STEP, modules=("transfer/export_job.py",),
    ),
    PersonalData(
        place="throttle:*", kind=DataPlace.CACHE, about=About.STAFF, erase=Erase.EXPIRES, export=False,
        holds="how often a user asked the API, by user id and second", kept=timedelta(seconds=65),
        modules=("api/base/throttling.py",),
    ),
    PersonalData(
        place="today-badge:*", kind=DataPlace.CACHE, about=About.STAFF, erase=Erase.EXPIRES, export=False,
        holds="how many contacts wait for a user, by user id", kept=timedelta(seconds=45),
        modules=("desk/today/page.py",),
    ),
    PersonalData(
        place="live pages", kind=DataPlace.MEMORY, about=About.BOTH, erase=Erase.EXPIRES, export=False,
        holds="the latest 50 label changes with the names of customers and agents, and the lines drawn of them",
        kept=Kept.PROCESS, modules=("desk/home/live.py", "desk/home/page.py"),
    ),
    PersonalData(
        place="read and written numbers", kind=DataPlace.MEMORY, about=About.CONTACT, erase=Erase.EXPIRES,
        export=False, holds="some thousand phone numbers and chat addresses, and how they are read", kept=Kept.PROCESS,
        modules=("desk/templatetags/labelcrm.py", "labelcrm/lib/phones.py", "webhooks/gateways/jids.py"),
    ),
    PersonalData(
        place="log of web and workers", kind=DataPlace.LOG, about=About.BOTH, erase=Erase.BY_HAND, export=False,
        holds="the browser of a failed login (not the name, not the address); why a post or a job failed, which may "
        "quote a value", kept=Kept.SERVER,
    ),
    PersonalData(
        place="log of PostgreSQL", kind=DataPlace.LOG, about=About.CONTACT, erase=Erase.BY_HAND, export=False,
        holds="the key of a row that the database refused, such as a phone number",
        kept=Kept.SERVER, note="a PostgreSQL that `make run` did not start writes the refused statement too",
    ),
    PersonalData(
        place="cookies", kind=DataPlace.BROWSER, about=About.BOTH, erase=Erase.BY_HAND, export=False,
        holds="of who works here: the key of the login; a sentence for the next page, which may name a customer",
        kept=Kept.DEVICE, note="a login is valid for 7 days",
    ),
    PersonalData(
        place="downloaded files", kind=DataPlace.BROWSER, about=About.BOTH, erase=Erase.BY_HAND, export=False,
        holds="exports of customers and reports; the audit trail says who took which",
        kept=Kept.DEVICE,
    ),
    PersonalData(
        place="morning briefs", kind=DataPlace.BROWSER, about=About.CONTACT, erase=Erase.BY_HAND, export=False,
        holds="in the mailbox or WhatsApp of who works here: name, last four digits and label of up to three customers",
        kept=Kept.DEVICE,
    ),
    PersonalData(
        place="backups", kind=DataPlace.BACKUP, about=About.BOTH, erase=Erase.BY_HAND, export=False,
        holds="everything the database held when it was taken", kept=Kept.SERVER,
        note="labelcrm takes none by itself; whoever was erased since is erased again after a restore",
    ),
]  # fmt: skip

REGISTER = (*_CONTACTS, *_STAFF, *_BOTH, *_ELSEWHERE)


SECTIONS = (
    ("Customers", _CONTACTS),
    ("Staff", _STAFF),
    ("Customers and staff", _BOTH),
    ("Outside of the database", _ELSEWHERE),
)
"""REGISTER as the page shows it."""
