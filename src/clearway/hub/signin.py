"""Who is there. The only file that knows how people sign in; passkeys will change this file and its two pages.

For now: `clearway serve` prints a link, good for one sign-in within 15 minutes. Opening it shows one button, and only the
button uses it up, so that a program that looks ahead at links cannot. Then a cookie holds a random token until the shift ends.

The store holds SHA-256 of links and tokens: 256 random bits need no salt and no slow hash. Browsers send a cookie to every port
of a machine, so a hub that is more than a trial wants a machine where no stranger's program listens.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from clearway.hub.pages import page
from clearway.store import Store

LINK_LASTS = timedelta(minutes=15)
SIGN_IN_LASTS = timedelta(hours=12)  # a long shift
COOKIE = "clearway_sign_in"
FORM_BYTES_MAX, FORM_FIELDS_MAX = 16_384, 16


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in: an officer's pseudonym, and the token that their forms carry."""

    officer: str
    form_token: str = field(repr=False)


class SignIn:
    """Makes links, turns them into sign-ins, and knows who a cookie belongs to."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def new_link(self, officer: str) -> str:
        """The path of a fresh one-time link for that officer, who is made known to the store."""
        token = secrets.token_urlsafe(32)
        at = self._now()
        self._store.add_officer(officer, at)
        self._store.add_link(_hashed(token), officer, at + LINK_LASTS)
        return f"/sign-in/{token}"

    def invited(self, token: str) -> str | None:
        """Whom a link would sign in; None where it is unknown, used or expired."""
        return self._store.link_officer(_hashed(token), self._now())

    def enter(self, token: str) -> str | None:
        """A new cookie's value, in exchange for the link; None where it is unknown, used or expired."""
        at = self._now()
        officer = self._store.use_link(_hashed(token), at)
        if officer is None:
            return None
        cookie = secrets.token_urlsafe(32)
        self._store.add_token(_hashed(cookie), officer, at + SIGN_IN_LASTS, at)
        return cookie

    def who(self, cookie: str) -> Person | None:
        officer = self._store.token_officer(_hashed(cookie), self._now())
        return None if officer is None else Person(officer, _hashed(f"form {cookie}"))

    def leave(self, cookie: str) -> None:
        self._store.drop_token(_hashed(cookie))


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# What the routes ask for


def perhaps_signed_in(request: Request) -> Person | None:
    sign_in: SignIn = request.app.state.sign_in
    return sign_in.who(request.cookies.get(COOKIE, ""))


def signed_in(person: Annotated[Person | None, Depends(perhaps_signed_in)]) -> Person:
    """The person; 401 where nobody is signed in."""
    if person is None:
        raise HTTPException(401)
    return person


async def posted(request: Request) -> Mapping[str, str]:
    """The fields of a small form. 413 where it is large, 400 where it is no form; nothing beyond the bound is read."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            raise HTTPException(413)
    if request.headers.get("content-type", "").partition(";")[0] not in ("application/x-www-form-urlencoded", ""):
        raise HTTPException(400)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX, errors="strict")
    except ValueError:  # UnicodeDecodeError is one
        raise HTTPException(400) from None
    return dict(pairs)


def signed_form(
    person: Annotated[Person, Depends(signed_in)], fields: Annotated[Mapping[str, str], Depends(posted)]
) -> Mapping[str, str]:
    """The fields of a form that this person's own page sent; 403 where its token is missing or another's."""
    if not hmac.compare_digest(fields.get("form_token", "").encode(), person.form_token.encode()):
        raise HTTPException(403)
    return fields


# The two pages

router = APIRouter()


@router.get("/sign-in/{token}")
def sign_in_page(request: Request, token: str) -> Response:
    sign_in: SignIn = request.app.state.sign_in
    officer = sign_in.invited(token)
    return page("sign_in.html", officer=officer, action=f"/sign-in/{token}", status=200 if officer else 410)


@router.post("/sign-in/{token}")
def enter(request: Request, token: str, _: Annotated[Mapping[str, str], Depends(posted)]) -> Response:
    sign_in: SignIn = request.app.state.sign_in
    cookie = sign_in.enter(token)
    if cookie is None:
        return page("sign_in.html", officer=None, action="", status=410)
    answer = RedirectResponse("/", 303)
    # Not `Secure`: on loopback the hub speaks plain HTTP, which never leaves the machine.
    answer.set_cookie(COOKIE, cookie, max_age=int(SIGN_IN_LASTS.total_seconds()), httponly=True, samesite="strict")
    return answer


@router.post("/sign-out")
def leave(request: Request, _: Annotated[Mapping[str, str], Depends(signed_form)]) -> Response:
    sign_in: SignIn = request.app.state.sign_in
    sign_in.leave(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/public", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
