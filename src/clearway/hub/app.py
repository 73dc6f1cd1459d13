"""The hub's pages: each route is a small function that asks the review and draws a template."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as AnyHTTPException

from clearway.errors import ClearwayError
from clearway.evidence.pkcs11 import TokenKey
from clearway.facts import Verdict
from clearway.hub import signin
from clearway.hub.guard import Guard
from clearway.hub.keeping import Erased, NoSuchExhibit
from clearway.hub.pages import bars, page
from clearway.hub.review import Refused, Review
from clearway.hub.signin import Person, SignIn, perhaps_signed_in, signed_form, signed_in
from clearway.settings import RetentionSettings
from clearway.store import AlreadyDecided

ExhibitId = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]
Officer = Annotated[Person, Depends(signed_in)]
Form = Annotated[Mapping[str, str], Depends(signed_form)]

ERRORS = {
    400: ("That was no form of ours", "Go back and send the form again."),
    401: (
        "Please sign in",
        "Open the sign-in link that `clearway serve` printed. Each link works once; a restart prints a new one.",
    ),
    403: ("This form has expired", "Nothing was done. Go back, load the page again and send the form once more."),
    404: ("There is nothing here", "The address may be mistyped, or the exhibit may be gone. Go back to the queue."),
    405: ("That cannot be done here", "Go back to the queue."),
    413: ("That is too much text", "A form takes a few hundred characters. Nothing was kept."),
}


def create_app(
    data: Path,
    *,
    host: str = "127.0.0.1",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    retention: RetentionSettings = RetentionSettings(),  # noqa: B008 - frozen
    token: TokenKey | None = None,
) -> FastAPI:
    """The hub of a data folder as an ASGI application; its review closes with its lifespan.

    `host` is the address that it will listen on: requests for other names are refused. StoreError where the folder has no
    keys, or its ledger or database cannot be used. Use `serve.open_hub` to also hold the folder against a second hub.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.review.close()

    # No generated documentation pages: they fetch scripts from elsewhere.
    app = FastAPI(title="Clearway", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    review = Review(data, now, retention, token)
    app.state.review = review
    app.state.sign_in = SignIn(review.store, now)
    app.add_middleware(Guard, host=host)
    app.mount("/static", StaticFiles(packages=[("clearway.hub", "static")]), name="static")
    app.include_router(signin.router)
    _add_pages(app, review, now)
    _add_error_pages(app)
    return app


def _add_pages(app: FastAPI, review: Review, now: Callable[[], datetime]) -> None:
    @app.get("/")
    def queue(person: Officer) -> Response:
        return page("queue.html", person=person, waiting=review.queue(), decided=review.decided_lately(), now=now())

    @app.get("/exhibits/{exhibit}")
    def case(person: Officer, exhibit: ExhibitId) -> Response:
        view = review.open(exhibit, person.officer)
        reasons = {verdict: review.reasons(view, verdict) for verdict in Verdict}
        return page(f"case_{view.stage}.html", person=person, view=view, case=view.case, reasons=reasons, now=now())

    @app.post("/exhibits/{exhibit}/reading")
    def read(person: Officer, exhibit: ExhibitId, fields: Form) -> Response:
        typed = None if "no_plate" in fields else "" if "illegible" in fields else fields.get("plate", "").strip()
        if typed == "" and "illegible" not in fields:
            raise Refused("nothing was typed.", remedy="go back and type what you read, or say that it cannot be read.")
        review.read(exhibit, person.officer, typed)
        return RedirectResponse(f"/exhibits/{exhibit}", 303)

    @app.post("/exhibits/{exhibit}/give-up")
    def give_up(person: Officer, exhibit: ExhibitId, _: Form) -> Response:
        review.give_up(exhibit, person.officer)
        return RedirectResponse(f"/exhibits/{exhibit}", 303)

    @app.post("/exhibits/{exhibit}/decision")
    def decide(person: Officer, exhibit: ExhibitId, fields: Form) -> Response:
        try:
            verdict = Verdict(fields.get("verdict", ""))
        except ValueError:
            raise HTTPException(400) from None
        review.decide(exhibit, person.officer, verdict, fields.get("reason", ""), fields.get("words", ""))
        return RedirectResponse(f"/exhibits/{exhibit}", 303)

    @app.get("/exhibits/{exhibit}/still/{number}.png")
    def still(person: Officer, exhibit: ExhibitId, number: Annotated[int, InPath(ge=1, le=99)]) -> Response:
        return Response(review.picture(exhibit, person.officer, f"still-{number}.png"), media_type="image/png")

    @app.get("/exhibits/{exhibit}/moment/{name}.png")
    def moment(person: Officer, exhibit: ExhibitId, name: Annotated[str, InPath(pattern="^(before|at|after)$")]) -> Response:
        return Response(review.picture(exhibit, person.officer, f"{name}.png"), media_type="image/png")

    @app.get("/exhibits/{exhibit}/clip.mp4")
    def clip(request: Request, person: Officer, exhibit: ExhibitId) -> Response:
        whole = review.picture(exhibit, person.officer, "clip.mp4")
        return _ranged(whole, request.headers.get("range", ""), "video/mp4")

    @app.get("/exhibits/{exhibit}/exhibit.zip")
    def export(person: Officer, exhibit: ExhibitId) -> Response:
        named = {"content-disposition": f'attachment; filename="exhibit-{exhibit[:16]}.zip"'}
        return Response(review.export(exhibit, person.officer), media_type="application/zip", headers=named)

    @app.get("/ledger")
    def ledger(person: Officer, before: Annotated[int | None, Query(ge=0, le=2**53)] = None) -> Response:
        return page("ledger.html", person=person, ledger=review.ledger(before))

    @app.get("/public")
    def public(person: Annotated[Person | None, Depends(perhaps_signed_in)]) -> Response:
        return page("public.html", person=person, bars=bars(review.tally()))


def _ranged(whole: bytes, asked: str, media_type: str) -> Response:
    """The bytes that one Range asks for (RFC 9110, section 14); the whole where it asks for none, or for several."""
    headers = {"accept-ranges": "bytes"}
    unit, _, span = asked.partition("=")
    first, dash, last = span.partition("-")
    # 18 digits are more than any file has bytes, and fewer than Python refuses to read.
    if unit != "bytes" or not dash or not all(re.fullmatch("[0-9]{0,18}", part, re.ASCII) for part in (first, last)):
        return Response(whole, media_type=media_type, headers=headers)
    if first:
        start, stop = int(first), min(int(last) + 1 if last else len(whole), len(whole))
    elif last:
        start, stop = max(0, len(whole) - int(last)), len(whole)
    else:
        return Response(whole, media_type=media_type, headers=headers)
    if start >= stop:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{len(whole)}"})
    headers["content-range"] = f"bytes {start}-{stop - 1}/{len(whole)}"
    return Response(whole[start:stop], 206, headers=headers, media_type=media_type)


def _add_error_pages(app: FastAPI) -> None:
    def shown(request: Request, status: int, happened: str, remedy: str) -> Response:
        parts = request.url.path.split("/")
        back = "/" if status == 404 or parts[1] != "exhibits" else "/".join(parts[:3])
        return page(
            "error.html", status=status, code=status, happened=happened, remedy=remedy, back=None if status == 401 else back
        )

    @app.exception_handler(AnyHTTPException)
    def http(request: Request, error: AnyHTTPException) -> Response:
        return shown(request, error.status_code, *ERRORS.get(error.status_code, ERRORS[400]))

    @app.exception_handler(RequestValidationError)
    def no_such_address(request: Request, _: RequestValidationError) -> Response:
        return shown(request, 404, *ERRORS[404])

    @app.exception_handler(ClearwayError)
    def clearway(request: Request, error: ClearwayError) -> Response:
        if isinstance(error, Erased):
            return page("erased.html", status=410, happened=error.happened)
        # 503 for what the operator must mend; the other two are the officer's own to put right.
        status = 404 if isinstance(error, NoSuchExhibit) else 409 if isinstance(error, Refused | AlreadyDecided) else 503
        return shown(request, status, error.happened, error.remedy)
