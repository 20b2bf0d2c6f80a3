"""Every address of the web role."""

from django.contrib import admin
from django.urls import include, path

from apps.api import callbacks, problems
from apps.api.v1 import jwks
from flowdesk import health

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path(".well-known/jwks.json", jwks.key_set, name="jwks"),
    path("rails/<str:rail>/callbacks", callbacks.hear, name="rail-callbacks"),
    path("api", problems.nowhere),
    path("api/", include("apps.api.urls")),
    path("", include("apps.desk.urls")),
    path("admin/", admin.site.urls),
]
handler400 = "apps.api.problems.bad_request"
handler403 = "apps.api.problems.forbidden"
handler404 = "apps.api.problems.not_found"
handler500 = "apps.api.problems.failed"
