"""No path of the code leads to a contact's number: read from the code, from the one call upwards."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from contacts.services import staff_messages
from tests.test_structure import trees
from transfer.briefs.models import BriefMessage

ONLY_CALLER = "contacts/services/staff_messages.py"
CALLERS_OF_DELIVER = {"contacts/services/staff_numbers.py", "transfer/briefs/brief_outbox.py"}


def users_of(name: str) -> Iterator[tuple[str, ast.AST]]:
    """Every place that names something, as a name, an attribute or an import, but for its own definition."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            named = (
                (isinstance(node, ast.Name) and node.id == name)
                or (isinstance(node, ast.Attribute) and node.attr == name)
                or (isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names))
            )
            if named:
                yield path, node


def test_one_function_asks_a_gateway_to_send_a_text() -> None:
    calls = [(path, node) for path, node in users_of("send_text") if not isinstance(node, ast.ImportFrom)]
    assert [path for path, _node in calls] == [ONLY_CALLER]
    # Whoever else knows the clients asks which gateways have one.
    known = {path for path, _node in users_of("CLIENTS")}
    assert known == {ONLY_CALLER, "webhooks/gateways/clients.py", "transfer/briefs/brief_settings.py"}


def test_its_recipient_is_a_staff_number_and_nothing_else() -> None:
    parameters = inspect.signature(staff_messages.deliver).parameters
    assert {name: found.annotation for name, found in parameters.items()} == {
        "number": "StaffNumber", "text": "str", "channel": "Channel",
    }  # fmt: skip
    [call] = [
        node
        for node in ast.walk(trees()[ONLY_CALLER])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "send_text"
    ]
    [phone] = [ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == "phone"]
    assert phone == "number.phone"


def test_whoever_sends_to_a_staff_number_is_known() -> None:
    assert {path for path, _node in users_of("deliver")} == CALLERS_OF_DELIVER


def test_a_brief_can_name_no_other_recipient() -> None:
    """The row of a brief points to its user and to a staff number: no contact, and no column for a number."""
    targets = {field.related_model._meta.label for field in BriefMessage._meta.fields if field.is_relation}
    assert targets == {"core.User", "contacts.StaffNumber", "contacts.Channel"}
    texts = {
        field.name for field in BriefMessage._meta.fields if field.get_internal_type() in ("CharField", "TextField")
    }
    assert texts == {"way", "state", "error"}
