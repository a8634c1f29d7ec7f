"""What a reader answers to the label that is suggested on a contact's page."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from contacts.models import Contact
from contacts.selectors.viewing import viewer_of
from labelcrm.core.dates import moment_of
from labelcrm.lib.numbers import row_id
from labels.models import Label
from labels.services import suggestions

MAY_ANSWER = "contacts.change_contact"


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """`do` is "set", "take_off" (of what was set from here), or "dismiss" with the time of the message (`until`)."""
    viewer = viewer_of(request.user)
    contact = Contact.objects.visible_to(viewer).filter(pk=pk).first()
    label = Label.objects.visible_to(viewer).filter(pk=row_id(request.POST.get("label")) or 0).first()
    if contact is None or label is None:
        raise Http404
    if not request.user.has_perm(MAY_ANSWER):
        raise PermissionDenied
    try:
        messages.success(request, _done(request, contact, label))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return HttpResponseRedirect(f"{reverse('admin:contacts_contact_page', args=[pk])}#labels")


def _done(request: HttpRequest, contact: Contact, label: Label) -> str:
    """Do it, and say so. Raises ValidationError, and BadRequest for what is no answer."""
    do, until = request.POST.get("do"), moment_of(request.POST.get("until"), offset=True)
    if do == "set":
        suggestions.set_label(contact, label, actor=request.user)
        return _("“%(label)s” is set here. WhatsApp does not know of it.") % {"label": label}
    if do == "take_off":
        suggestions.take_off(contact, label, actor=request.user)
        return _("“%(label)s” is taken off.") % {"label": label}
    if do == "dismiss" and until is not None:
        suggestions.dismiss(contact, label, until=until, actor=request.user)
        return _("Dismissed. What they write from now on may ask for it again.")
    raise BadRequest("Nothing is to be done.")
