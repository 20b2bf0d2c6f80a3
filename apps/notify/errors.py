from apps.core.errors import Conflict, Rejected


class UrlNotAllowed(Rejected):
    code, title = "url_not_allowed", "Webhooks do not go to such an address"


class TooManyEndpoints(Conflict):
    code, title = "too_many_endpoints", "A client has at most ten endpoints"


class EndpointDisabled(Conflict):
    code, title = "endpoint_disabled", "The endpoint is disabled"
