"""The page on which a view is measured and drawn. It knows neither camera nor mathematics: it passes drafts to whoever does.

One person on this machine opens it once, by a link; it ends with its program. The still is sent to that browser and is written
nowhere. The page's own script does no geometry: it sends what was clicked, and draws what comes back.
"""

import hmac
import json
import secrets
from collections.abc import Callable
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as AnyHTTPException

from clearway.errors import ClearwayError
from clearway.hub.guard import CONTENT_SECURITY_POLICY, Guard
from clearway.hub.pages import page
from clearway.hub.serve import Served

COOKIE = "clearway_calibrate"
BYTES_MAX = 262_144
# Beside what all pages may: this one's script, and its questions to us.
POLICY = f"{CONTENT_SECURITY_POLICY}; script-src 'self'; connect-src 'self'"
HOST = "127.0.0.1"


class Drawing(Protocol):
    """Who knows camera and mathematics. All bytes are JSON but the pictures, which are JPEG."""

    title: str
    saves_to: str
    size_px: tuple[int, int]
    still_jpeg: bytes

    def begun(self) -> bytes:
        """What the page begins with: the draft so far, the kinds of parts, the fields."""
        ...

    def sheet(self, draft: bytes) -> bytes:
        """What the page shows of that draft. ClearwayError where it is no draft."""
        ...

    def birdseye(self) -> bytes:
        """The road from above, as the newest sheet has it; empty where none had."""
        ...

    def save(self, draft: bytes) -> str:
        """Writes the scene and says so. ClearwayError says what is wrong with it; then nothing is written."""
        ...


class Gate:
    """One link, good for one opening, and then one cookie, until the program ends."""

    def __init__(self) -> None:
        self._token: str | None = secrets.token_urlsafe(32)
        self._cookie = secrets.token_urlsafe(32)
        self.link = f"/open/{self._token}"

    def invited(self, token: str) -> bool:
        return self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())

    def enter(self, token: str) -> str | None:
        """The cookie in exchange for the link; None where the link was used or is none."""
        if not self.invited(token):
            return None
        self._token = None
        return self._cookie

    def admits(self, cookie: str) -> bool:
        return hmac.compare_digest(cookie.encode(), self._cookie.encode())


def create_page(drawing: Drawing, gate: Gate) -> FastAPI:
    """The page of that drawing as an ASGI application for whoever comes through that gate."""
    app = FastAPI(title="Clearway", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(Guard, host=HOST, policy=POLICY)
    app.mount("/static", StaticFiles(packages=[("clearway.hub", "static")]), name="static")
    app.include_router(_opening(gate))
    app.include_router(_drawing(drawing, gate))

    @app.exception_handler(AnyHTTPException)
    def refused(request: Request, error: AnyHTTPException) -> Response:
        words = {401: "Open the link that `clearway calibrate` printed. It works once; start it anew for another."}
        return page(
            "error.html",
            alone=True,
            status=error.status_code,
            code=error.status_code,
            happened="This page is not open to you" if error.status_code == 401 else "There is nothing here",
            remedy=words.get(error.status_code, "Go back to the page."),
            back=None,
        )

    @app.exception_handler(ClearwayError)
    def wrong(request: Request, error: ClearwayError) -> Response:
        return _json({"problem": error.happened, "remedy": error.remedy}, 409)

    return app


def _opening(gate: Gate) -> APIRouter:
    router = APIRouter()

    @router.get("/open/{token}")
    def invitation(token: str) -> Response:
        # A button uses the link up, not a look at it: programs that look ahead at links would leave none for the person.
        invited = gate.invited(token)
        return page("calibrate_open.html", alone=True, invited=invited, action=f"/open/{token}", status=200 if invited else 410)

    @router.post("/open/{token}")
    def enter(token: str) -> Response:
        cookie = gate.enter(token)
        if cookie is None:
            return page("calibrate_open.html", alone=True, invited=False, action="", status=410)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict")
        return answer

    return router


def _drawing(drawing: Drawing, gate: Gate) -> APIRouter:
    def admitted(request: Request) -> None:
        if not gate.admits(request.cookies.get(COOKIE, "")):
            raise HTTPException(401)

    async def sent(request: Request) -> bytes:
        """The body of a request from our own page: JSON, which no form of another site can send, and not large."""
        if request.headers.get("content-type", "") != "application/json":
            raise HTTPException(400)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > BYTES_MAX:
                raise HTTPException(413)
        return body

    router = APIRouter(dependencies=[Depends(admitted)])
    body = Annotated[bytes, Depends(sent)]

    @router.get("/")
    def whole() -> Response:
        return page("calibrate.html", alone=True, title=drawing.title, saves_to=drawing.saves_to, size_px=drawing.size_px)

    @router.get("/still.jpg")
    def still() -> Response:
        return Response(drawing.still_jpeg, media_type="image/jpeg")

    @router.get("/birdseye.jpg")
    def birdseye() -> Response:
        picture = drawing.birdseye()
        if not picture:
            raise HTTPException(404)
        return Response(picture, media_type="image/jpeg")

    @router.get("/begun.json")
    def begun() -> Response:
        return Response(drawing.begun(), media_type="application/json")

    @router.post("/sheet")
    def sheet(draft: body) -> Response:
        return Response(drawing.sheet(draft), media_type="application/json")

    @router.post("/save")
    def save(draft: body) -> Response:
        return _json({"saved": drawing.save(draft)})

    return router


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status, media_type="application/json")


def run_page(drawing: Drawing, port: int, announce: Callable[[str], None]) -> None:
    """Serves until Ctrl-C or SIGTERM. `announce` gets the link, a line at a time."""
    gate = Gate()
    with Served(create_page(drawing, gate), HOST, port) as served:
        announce(f"Open this page once, on this machine: {served.address}{gate.link}")
        announce("Ctrl-C ends it. The picture is held in memory only; what you save is the scene.")
        served.serve()
