"""Our public keys, for whoever holds a quote's receipt. Unsigned and public, at the place where RFC 8615 has such things."""

import orjson
from django.http import HttpRequest, HttpResponse

from apps.api.problems import read_only
from apps.core import jws, signing_keys

MAX_AGE_S = 3600  # a rotation waits so long between a key's publication and its first signature


@read_only
def key_set(_request: HttpRequest) -> HttpResponse:
    """A JWK set (RFC 7517) of every key that signs, will sign, or ever signed."""
    keys = [jws.public_jwk(x) for _, x, _ in signing_keys.list_published()]
    answer = HttpResponse(orjson.dumps({"keys": keys}), content_type="application/jwk-set+json")
    answer["Cache-Control"] = f"public, max-age={MAX_AGE_S}"
    answer["Access-Control-Allow-Origin"] = "*"
    return answer
