"""The product's addresses, and the bare view that `quote` is held against. Served only by the benches' own web role."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from flowdesk import urls


@csrf_exempt
def bare(request: HttpRequest) -> HttpResponse:
    """One INSERT and its commit, nothing else."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bench_bare (payload) VALUES (%s)", [request.body.decode()])
    return HttpResponse(b'{"ok":true}', status=201, content_type="application/json")


urlpatterns = [path("bench/bare", bare), *urls.urlpatterns]
handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
