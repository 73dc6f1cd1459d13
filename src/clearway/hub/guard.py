"""What stands between the network and the pages: whom we answer, and what every answer carries.

A hub on loopback is still reachable by every page that the officer's browser shows. Three things keep those out: a name that
resolves to us is not enough (DNS rebinding), a form from elsewhere is refused, and our pages cannot be framed or cached.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing runs and nothing is fetched from elsewhere; the pages are words, pictures, one clip and one style sheet.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cache-control": "no-store",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: with it, browsers send `Origin: null` with our own forms, and a foreign form would look the same.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware: refuses foreign hosts and foreign forms, and gives every answer the headers above."""

    def __init__(self, app: ASGIApp, *, host: str, policy: str = CONTENT_SECURITY_POLICY) -> None:
        self._app = app
        self._host = host
        self._headers = HEADERS | {"content-security-policy": policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        headers = Headers(scope=scope)
        refusal = None
        if not is_ours(headers.get("host", ""), self._host):
            refusal = PlainTextResponse("This address is not the hub's. Open the address that `clearway serve` printed.", 421)
        elif scope["method"] not in ("GET", "HEAD") and not is_same_site(headers):
            refusal = PlainTextResponse("This form came from another site, and nothing was done.", 403)
        try:
            await (refusal or self._app)(scope, receive, send_with_headers)
        except Exception:
            # A bug of ours. Answered here, because the framework's own answer would go out without our headers.
            if not begun:
                failed = PlainTextResponse("Something went wrong in the program. Go back and try again.", 500)
                await failed(scope, receive, send_with_headers)
            raise


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address or name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_ours(host_header: str, host: str) -> bool:
    """Whether a Host header names a hub that listens on `host`.

    A foreign name may be made to resolve to us, an address cannot: numbers are not looked up.
    """
    try:
        name = urlsplit(f"//{host_header}").hostname
    except ValueError:
        return False
    if name is None:
        return False
    if name == host.lower() or is_loopback(name):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return not is_loopback(host)


def is_same_site(headers: Headers) -> bool:
    """Whether a form came from our own pages, as far as the browser says. The per-session token decides beside this."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
