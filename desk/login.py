"""The form at the door. Not in `admin`: unfold loads it while it makes the site that the admins register with."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm


class LoginForm(AuthenticationForm):
    """Says in our own words that it did not work: Django's Indonesian repeats itself."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _(
            "This user name and password do not fit together, or the user may not use these pages. "
            "Capital and small letters count."
        ),
    }
