"""Every address of the web role."""

from django.urls import path

from flowdesk import health

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
]
