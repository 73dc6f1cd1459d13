"""An independent word for the time: obtained, or stated to be missing; never believed without a check, never silent."""

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import VerifierBuilder, decode_timestamp_response
from tests.evidence.sins import packed, unpacked
from tests.evidence.tsa import LONG_AGO, Tsa, dripping, serving
from tests.evidence.world import World, finding, frames, nothing_else, passage

from clearway.cli.main import main
from clearway.edge.station import Station
from clearway.errors import SealError, StoreError
from clearway.evidence import token
from clearway.evidence.bundle import TIMESTAMP
from clearway.evidence.timestamp import HttpAuthority
from clearway.evidence.token import TOKEN_BYTES_MAX, TokenError, check, known_authorities, load_certificates
from clearway.evidence.verify import Report, contents, verify
from clearway.settings import EvidenceSettings, Settings, TimestampSettings

MESSAGE = b"a statement"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    return Tsa.made_in(tmp_path_factory.mktemp("authority") / "tsa")


@pytest.fixture(scope="module")
def url(tsa: Tsa) -> Iterator[str]:
    with serving(tsa.reply) as url:
        yield url


def sealed_by(data: Path, authority: HttpAuthority, sealed_at: datetime | None = None) -> tuple[World, Path]:
    world = World(data, authority=authority, sealed_at=sealed_at or datetime.now(UTC))
    return world, Path(world.seal().path)


def step_8(report: Report) -> str:
    assert [step.number for step in report.steps if not step.passed] in ([], [8]), report
    return report.steps[7].words


# --- obtained ---


def test_an_exhibit_carries_the_authoritys_word(tmp_path: Path, tsa: Tsa, url: str) -> None:
    said: list[str] = []
    world, path = sealed_by(tmp_path, HttpAuthority(url, (tsa.ca,), said.append))
    assert said == []
    for known in (tsa.ca, tsa.own):
        report = verify(path, world.keys, authorities=[known])
        assert report.passed, report
        assert "says CN=Clock; " in step_8(report) and "the sealer's clock" in step_8(report)


def test_openssl_and_rfc3161_client_agree(tmp_path: Path, tsa: Tsa, url: str) -> None:
    """What we keep and check is what two programs by others accept."""
    _, path = sealed_by(tmp_path / "data", HttpAuthority(url, (tsa.ca,), print))
    files = contents(path)
    for name in (TIMESTAMP, "statement.dsse.json"):
        (tmp_path / name).write_bytes(files[name])
    command = ["openssl", "ts", "-verify", "-in", TIMESTAMP, "-data", "statement.dsse.json", "-CAfile", f"{tsa.folder}/ca.pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout, done.stderr
    verifier = VerifierBuilder().add_root_certificate(tsa.ca).build()
    assert verifier.verify_message(decode_timestamp_response(files[TIMESTAMP]), files["statement.dsse.json"])


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("key", [lambda: ec.generate_private_key(ec.SECP384R1()), lambda: rsa.generate_private_key(65537, 2048)])
def test_keys_and_hashes_that_authorities_use(tmp_path: Path, digest: str, key: Callable[[], ec.EllipticCurvePrivateKey]) -> None:
    tsa = Tsa.made_in(tmp_path / "tsa", key=key(), digest=digest, fraction_digits=0)
    began = datetime.now(UTC).replace(microsecond=0)
    said = check(tsa.stamped(MESSAGE), MESSAGE, [tsa.ca])
    assert began <= said.at <= datetime.now(UTC)
    assert (said.accuracy_s, said.authority) == (1.5, "CN=Clock")


def test_a_certificate_above_may_come_along_in_any_order(tmp_path: Path) -> None:
    """`openssl ts` does not sort them as DER would, and rfc3161-client refuses what is not sorted."""
    tsa = Tsa.made_in(tmp_path / "tsa", with_ca=True)
    for known in (tsa.ca, tsa.own):
        assert check(tsa.stamped(MESSAGE), MESSAGE, [known]).authority == "CN=Clock"


# --- not obtained: the exhibit is sealed all the same, and says so ---


def nowhere() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/tsa"


def test_an_authority_that_is_down_stops_nothing(tmp_path: Path, tsa: Tsa) -> None:
    said: list[str] = []
    world, path = sealed_by(tmp_path, HttpAuthority(nowhere(), (tsa.ca,), said.append))
    assert len(said) == 1 and "Connection refused" in said[0]
    assert TIMESTAMP not in contents(path)
    for known in ([tsa.ca], []):
        assert step_8(verify(path, world.keys, authorities=known)).startswith(
            "timestamp: asked for, not obtained (of http://127.0.0.1:"
        )
        assert verify(path, world.keys, authorities=known).passed


# name → (what the authority answers, what is announced)
BAD_ANSWERS: dict[str, tuple[Callable[[Tsa, bytes], bytes], str]] = {
    "nothing": (lambda tsa, query: b"", "speaks no DER"),
    "no DER": (lambda tsa, query: b"<html>Welcome to the hotel's network</html>", "speaks no DER"),
    "too much": (lambda tsa, query: bytes(TOKEN_BYTES_MAX + 1), "too large"),
    "a refusal": (lambda tsa, query: tsa.reply(b"\x30\x00"), "it refused"),
    "the answer to another question": (lambda tsa, query: tsa.stamped(MESSAGE), "a token for another digest"),
    "an old answer": (lambda tsa, query: tsa.reply(query[:-4] + bytes([query[-4] ^ 1]) + query[-3:]), "another question"),
}


@pytest.mark.parametrize("sin", BAD_ANSWERS)
def test_an_answer_that_is_no_good_stops_nothing(tmp_path: Path, tsa: Tsa, sin: str) -> None:
    answer, fault = BAD_ANSWERS[sin]
    said: list[str] = []
    with serving(lambda query: answer(tsa, query)) as url:
        world, path = sealed_by(tmp_path, HttpAuthority(url, (tsa.ca,), said.append))
    assert len(said) == 1 and fault in said[0], said
    assert "asked for, not obtained" in step_8(verify(path, world.keys))


def test_a_page_that_is_no_authority_stops_nothing(tmp_path: Path, tsa: Tsa) -> None:
    said: list[str] = []
    with serving(tsa.reply, "text/html") as url:
        sealed_by(tmp_path, HttpAuthority(url, (tsa.ca,), said.append))
    assert "no timestamp authority" in said[0]


def test_an_authority_that_is_slow_is_waited_for_only_so_long(tmp_path: Path, tsa: Tsa) -> None:
    """One that drips is never silent for long enough that a socket would give it up."""
    said: list[str] = []
    with dripping() as url:
        authority = HttpAuthority(url, (tsa.ca,), said.append, wait_s=0.2)
        began_s = time.monotonic()
        world, _ = sealed_by(tmp_path, authority)
        world.seal()
        assert time.monotonic() - began_s < 5.0  # dripping goes on for longer
    assert "no answer within 0.2 s" in said[0]
    assert "still owes the last answer" in said[1]


def test_a_stranger_and_a_wrong_clock_are_no_authority(tmp_path: Path, tsa: Tsa, url: str) -> None:
    stranger = Tsa.made_in(tmp_path / "stranger")
    ahead = datetime.now(UTC) + timedelta(hours=1)
    for data, known, sealed_at, fault in (
        ("stranger's data", stranger.ca, datetime.now(UTC), "a stranger"),
        ("fast", tsa.ca, ahead, "its clock, or this machine's, is wrong"),
    ):
        said: list[str] = []
        _, path = sealed_by(tmp_path / data, HttpAuthority(url, (known,), said.append), sealed_at)
        assert fault in said[0]
        assert TIMESTAMP not in contents(path)


# --- refused, each by name ---


def with_token(path: Path, token: bytes, to: Path) -> Path:
    (to / path.name).write_bytes(packed([*unpacked(path), (TIMESTAMP, token)]))
    return to / path.name


def test_a_token_is_refused_by_name(tmp_path: Path, tsa: Tsa) -> None:
    world, path = sealed_by(tmp_path / "data", HttpAuthority(nowhere(), (tsa.ca,), lambda words: None))
    statement = contents(path)["statement.dsse.json"]
    expired = Tsa.made_in(tmp_path / "expired", LONG_AGO)
    stranger, small = Tsa.made_in(tmp_path / "stranger"), rsa.generate_private_key(65537, 1024)
    no_ca, weak = Tsa.made_in(tmp_path / "no-ca", is_ca=False), Tsa.made_in(tmp_path / "weak", key=small)
    good = tsa.stamped(statement)
    for stamped, known, fault in (
        (tsa.stamped(MESSAGE), tsa, "a token for another digest"),
        (expired.stamped(statement), expired, "the certificate of CN=Clock had expired on 2021-01-01"),
        (good, stranger, "its authority is a stranger"),
        (no_ca.stamped(statement), no_ca, "may not vouch for another"),
        (weak.stamped(statement), weak, "fewer than 2048 bits"),
        (good[:-1], tsa, "no timestamp in the form that exhibits have: its response is cut"),
        (good + b"\0", tsa, "something stands behind its response"),
        (tsa.reply(b"\x30\x00"), tsa, "its status is not plainly `granted`"),
        (bytes(TOKEN_BYTES_MAX + 1), tsa, "it is larger than"),
    ):
        report = verify(with_token(path, stamped, tmp_path), world.keys, authorities=[known.ca])
        assert fault in step_8(report), report
    assert verify(with_token(path, good, tmp_path), world.keys, authorities=[tsa.ca]).passed
    assert "no certificate of a timestamp authority is known" in step_8(verify(tmp_path / path.name, world.keys))


@pytest.mark.parametrize("purposes", [(), (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.SERVER_AUTH)])
def test_a_key_that_may_sign_something_else_is_no_authoritys(tmp_path: Path, purposes: tuple[x509.ObjectIdentifier, ...]) -> None:
    """`openssl ts` does not sign with such a certificate either, so the check is asked itself."""
    unfit = Tsa.made_in(tmp_path / "unfit", purposes=purposes)
    with pytest.raises(TokenError, match="not one for timestamps alone"):
        token._refuse_unfit([unfit.own, unfit.ca])


def test_clocks_that_run_backwards_are_seen(tmp_path: Path, tsa: Tsa) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=5)
    world, path = sealed_by(tmp_path / "data", HttpAuthority(nowhere(), (tsa.ca,), lambda words: None), ahead)
    stamped = with_token(path, tsa.stamped(contents(path)["statement.dsse.json"]), tmp_path)
    assert "clocks run backwards: the authority saw the statement at" in step_8(verify(stamped, world.keys, authorities=[tsa.ca]))


def test_what_has_not_passed_yet_is_not_sealed(tmp_path: Path) -> None:
    world = World(tmp_path, sealed_at=passage().last_at - timedelta(seconds=1))
    with pytest.raises(SealError, match="a clock is wrong"):
        world.sealer.seal(finding(), frames(), clock_source="NTP", hide=nothing_else)
    world.sealed_at = passage().last_at - timedelta(milliseconds=40)
    path = Path(world.sealer.seal(finding(), frames()[:9], clock_source="NTP", hide=nothing_else).path)
    assert verify(path, world.keys).passed, "a clock may be as wrong as it says"


def test_a_token_where_none_was_asked_for_is_too_many(tmp_path: Path, tsa: Tsa) -> None:
    world = World(tmp_path / "data")
    path = Path(world.seal().path)
    assert "timestamp: none" in step_8(verify(path, world.keys))
    stamped = with_token(path, tsa.stamped(contents(path)["statement.dsse.json"]), tmp_path)
    assert [step.number for step in verify(stamped, world.keys, authorities=[tsa.ca]).steps if not step.passed] == [3, 4]


def test_no_byte_of_a_token_can_be_changed(tsa: Tsa) -> None:
    good, dice = tsa.stamped(MESSAGE), random.Random(4)
    assert check(good, MESSAGE, [tsa.ca])
    for _ in range(500):
        at, cut = dice.randrange(len(good)), dice.randrange(8)
        changed = dice.choice(
            (
                good[:at] + bytes([good[at] ^ 1 << dice.randrange(8)]) + good[at + 1 :],
                good[:at] + good[at + 1 + cut :],
                good[:at] + dice.randbytes(1 + cut) + good[at:],
                good[:at] + dice.randbytes(2),
            )
        )
        with pytest.raises(TokenError):
            check(changed, MESSAGE, [tsa.ca])


def test_no_bytes_make_the_reader_raise_anything_else(tsa: Tsa) -> None:
    dice = random.Random(5)
    for _ in range(300):
        nested = b"".join(bytes([dice.choice((2, 4, 6, 0x18, 0x30, 0x31, 0xA0)), dice.randrange(132)]) for _ in range(30))
        with pytest.raises(TokenError):
            check(dice.choice((nested, dice.randbytes(dice.randrange(60)))), MESSAGE, [tsa.ca])


# --- where the certificates come from ---


def test_the_station_asks_and_keeps_the_certificate_beside_the_keys(tmp_path: Path, tsa: Tsa, url: str) -> None:
    asked = TimestampSettings(url=url, certificate=str(tsa.folder / "ca.pem"))
    station = Station(tmp_path, Settings(evidence=EvidenceSettings(timestamp=asked)))
    for _ in range(2):
        authority = station._authority(print)
        assert authority is not None and authority.url == url
        assert known_authorities(tmp_path / "keys") == (tsa.ca,)
    assert Station(tmp_path / "other", Settings())._authority(print) is None


def test_the_verb_takes_the_certificate_from_beside_the_keys_or_as_named(
    tmp_path: Path, tsa: Tsa, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world, path = sealed_by(tmp_path / "data", HttpAuthority(url, (tsa.ca,), print))
    assert main(["verify", str(path)]) == 7
    assert "--tsa" in capsys.readouterr().out
    assert main(["verify", str(path), "--tsa", str(tsa.folder / "ca.pem")]) == 0
    shutil.copy(tsa.folder / "ca.pem", world.data / "keys" / "tsa.pem")
    assert main(["verify", str(path)]) == 0


def test_a_certificate_file_that_holds_none_is_named(tmp_path: Path) -> None:
    for content in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        (tmp_path / "tsa.pem").write_bytes(content)
        with pytest.raises(StoreError, match="holds no certificate"):
            known_authorities(tmp_path)
    with pytest.raises(StoreError, match="cannot be read"):
        load_certificates(tmp_path / "nowhere.pem")


def test_a_request_tells_nothing_but_a_digest(tmp_path: Path, tsa: Tsa) -> None:
    asked: list[bytes] = []

    def answer(query: bytes) -> bytes:
        asked.append(query)
        return tsa.reply(query)

    with serving(answer) as url:
        sealed_by(tmp_path, HttpAuthority(url, (tsa.ca,), print))
    assert len(asked) == 1 and len(asked[0]) < 80
