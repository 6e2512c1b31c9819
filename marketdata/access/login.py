"""The login page, open to any active account, and the login forms, which explain that a login must wait."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.forms import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from marketdata.access.backend import get_wait, is_busy


class LoginForm(AuthenticationForm):
    def get_invalid_login_error(self) -> ValidationError:
        wait = get_wait(self.request)
        if not wait:
            return super().get_invalid_login_error()
        reason = "logins at the same time" if is_busy(self.request) else "failed logins from your address"
        sentence = f"Too many {reason}: wait {_format_wait(wait)}, then try again."
        return ValidationError(sentence, code="wait")


class AdminLoginForm(LoginForm, AdminAuthenticationForm):
    """The same for staff."""


def report_wait(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view's response gets Retry-After if the login must wait, and status 429, or 503 where the server is busy."""

    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if wait := get_wait(request):
            response.status_code = 503 if is_busy(request) else 429
            response.headers["Retry-After"] = str(wait)
        return response

    return wrapper


log_in = report_wait(
    LoginView.as_view(template_name="pages/login.html", authentication_form=LoginForm, redirect_authenticated_user=True)
)
log_out = LogoutView.as_view(next_page="login")


def _format_wait(seconds: int) -> str:
    """40 seconds; 3 minutes, rounded up."""
    count, unit = (seconds, "second") if seconds < 100 else (-(-seconds // 60), "minute")
    return f"{count} {unit}{'' if count == 1 else 's'}"
