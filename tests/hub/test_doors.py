"""Who gets in, by which door, and what every answer carries."""

import re
from datetime import timedelta

import httpx
import pytest
from tests.hub.world import World

PAGES = ["/", "/ledger", "/exhibits/" + "ab" * 32, "/exhibits/" + "ab" * 32 + "/exhibit.zip"]


def test_a_link_signs_in_once(world: World) -> None:
    link = world.hub.sign_in_link()
    visitor = world.visitor()
    assert "Sign in as officer-1" in visitor.get(link).text
    assert visitor.get("/").status_code == 401, "looking at a link does not use it"
    entered = visitor.post(link)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert visitor.get("/").status_code == 200
    for again in (world.visitor().post(link), world.visitor().get(link)):
        assert again.status_code == 410
        assert "does not work any more" in again.text
        assert "set-cookie" not in again.headers


def test_a_link_expires(world: World) -> None:
    link = world.hub.sign_in_link()
    world.clock.ahead = timedelta(minutes=15, seconds=1)
    assert world.visitor().post(link).status_code == 410


@pytest.mark.parametrize("token", ["x", "0" * 43, "%00", "..%2f..%2f", "é" * 50])
def test_a_wrong_link_opens_nothing(calm: World, token: str) -> None:
    assert calm.visitor().post(f"/sign-in/{token}").status_code in (404, 410)


def test_a_sign_in_ends_with_the_shift_or_by_signing_out(world: World) -> None:
    officer, other = world.officer(), world.officer()
    left = officer.post("/sign-out")
    assert left.headers["location"] == "/public"
    assert officer.client.get("/").status_code == 401
    assert other.client.get("/").status_code == 200
    world.clock.ahead = timedelta(hours=12, seconds=1)
    assert other.client.get("/").status_code == 401


def test_a_cookie_that_was_signed_out_stays_out(world: World) -> None:
    officer = world.officer()
    cookie = officer.client.cookies["clearway_sign_in"]
    officer.post("/sign-out")
    assert world.visitor().get("/", headers={"cookie": f"clearway_sign_in={cookie}"}).status_code == 401


def test_secrets_are_kept_as_hashes(world: World) -> None:
    link = world.hub.sign_in_link()
    cookie = world.officer().client.cookies["clearway_sign_in"]
    world.hub.stop()
    written = b"".join(path.read_bytes() for path in world.data.glob("clearway.db*"))
    assert link.rpartition("/")[2].encode() not in written
    assert cookie.encode() not in written


@pytest.mark.parametrize("path", PAGES)
def test_without_signing_in_there_is_nothing_to_see(calm: World, path: str) -> None:
    answer = calm.visitor().get(path)
    assert answer.status_code == 401
    assert "sign-in link" in answer.text


def test_a_form_needs_the_token_of_its_own_session(calm: World) -> None:
    officer, stranger = calm.officer(), calm.officer("officer-2")
    reading = f"/exhibits/{calm.wanted.id}/reading"
    officer.open(calm.wanted.id)
    for fields in (
        {"plate": calm.wanted.plate},
        {"plate": calm.wanted.plate, "form_token": ""},
        {"plate": calm.wanted.plate, "form_token": "é"},
        {"plate": calm.wanted.plate, "form_token": stranger.form_token()},
    ):
        assert officer.client.post(reading, data=fields).status_code == 403
    assert "First, your own eyes" in officer.open(calm.wanted.id).text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # another port of this machine is another program
    ],
)
def test_a_form_from_elsewhere_is_refused(calm: World, headers: dict[str, str]) -> None:
    officer = calm.officer()
    fields = {"form_token": officer.form_token()}
    assert officer.client.post("/sign-out", data=fields, headers=headers).status_code == 403
    assert officer.client.get("/").status_code == 200


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "elsewhere.example:80", "127.0.0.1.elsewhere.example", "192.0.2.7", "", "[", "a b"]
)
def test_another_name_for_this_machine_is_not_ours(calm: World, host: str) -> None:
    answer = calm.officer().client.get("/", headers={"host": host})
    assert answer.status_code in (400, 421)
    assert calm.wanted.id not in answer.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:8765", "LOCALHOST:1"])
def test_loopback_s_own_names_are_ours(calm: World, host: str) -> None:
    assert calm.officer().client.get("/", headers={"host": host}).status_code == 200


def test_a_large_form_is_refused(calm: World) -> None:
    officer = calm.officer()
    officer.open(calm.wanted.id)
    words = "x" * 20_000
    assert officer.post(f"/exhibits/{calm.wanted.id}/reading", plate=words).status_code == 413
    many = {f"field{number}": "x" for number in range(40)}
    assert officer.post(f"/exhibits/{calm.wanted.id}/reading", **many).status_code == 400


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"plate=%ff", "application/x-www-form-urlencoded"),
        (b'{"plate": 1}', "application/json"),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
    ],
)
def test_what_is_no_form_is_refused(calm: World, body: bytes, kind: str) -> None:
    answer = calm.officer().client.post("/sign-out", content=body, headers={"content-type": kind})
    assert answer.status_code in (400, 403)


def test_every_answer_carries_the_same_guard(calm: World) -> None:
    officer = calm.officer()
    answers: list[httpx.Response] = [officer.client.get(path) for path in ("/", "/public", "/static/clearway.css", "/nothing")]
    answers += [officer.open(calm.wanted.id), calm.visitor().get("/"), calm.visitor().get("/", headers={"host": "x.example"})]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "server" not in answer.headers


def test_pages_need_nothing_from_elsewhere_and_run_nothing(calm: World) -> None:
    officer = calm.officer()
    for page in (officer.client.get("/"), officer.open(calm.wanted.id), officer.client.get("/ledger")):
        assert "<script" not in page.text
        assert " style=" not in page.text
        assert not re.search(r"\son\w+=", page.text)
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", page.text)
