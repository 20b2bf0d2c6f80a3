"""Sign in and out. The demo's logins are shown only where the environment says demo."""

from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

LONGEST_NAME = 150  # as users have


class SignInForm(AuthenticationForm):
    """Django's form tells the browser how long a name may be and does not look itself; the log of failed logins has an end."""

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if len(name) > LONGEST_NAME:
            raise self.get_invalid_login_error()
        return name


class SignIn(LoginView):
    template_name = "desk/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kw: Any) -> dict[str, Any]:
        logins = getattr(settings, "DEMO_LOGINS", ()) if settings.ENVIRONMENT == "demo" else ()
        return super().get_context_data(**kw) | {"demo_logins": logins, "environment": settings.ENVIRONMENT}


@require_safe
def admin_login(request: HttpRequest) -> HttpResponse:
    """One way in: the admin's own form is never shown."""
    return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': request.GET.get('next', '/admin/')})}")


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Browsers ask for it on pages of others, such as the API's."""
    return redirect(static("desk/icon.svg"))


@require_safe
def front(_request: HttpRequest) -> HttpResponse:
    return redirect(settings.LOGIN_REDIRECT_URL)
