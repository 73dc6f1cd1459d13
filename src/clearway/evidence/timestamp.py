"""Asks a timestamp authority (RFC 3161) to say when it saw a statement. The only line out of a sealing machine, and a short one.

What goes out is a SHA-256 and a nonce; it tells nobody what was sealed. A token that cannot be had never stops the sealing: the
manifest names the authority that is asked, so that whoever verifies sees that its token is missing.
"""

import threading
import urllib.request
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException, HTTPResponse
from queue import Empty, SimpleQueue

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from clearway.evidence.token import TOKEN_BYTES_MAX, TokenError, check, kept

# A camera that waits for its authority drops frames meanwhile: better no token than that. Authorities answer in tenths of it.
WAIT_S = 4.0


class HttpAuthority:
    """A TimestampAuthority (see `ports`) at `url`, known by `certificates`. `announce` hears why there is no token."""

    def __init__(
        self,
        url: str,
        certificates: tuple[x509.Certificate, ...],
        announce: Callable[[str], None],
        wait_s: float = WAIT_S,
    ) -> None:
        self.url, self._certificates = url, certificates
        self.certificates_sha256 = tuple(certificate.fingerprint(hashes.SHA256()).hex() for certificate in certificates)
        self._announce, self._wait_s = announce, wait_s
        self._asking: threading.Thread | None = None

    def stamp(self, statement: bytes, sealed_at: datetime) -> bytes | None:
        """The token as an exhibit keeps it, checked as a verifier will check it. None, and why is announced, where none comes in
        time, or no good one."""
        try:
            return self._stamped(statement, sealed_at)
        except (TokenError, HTTPException, OSError, ValueError) as error:
            self._announce(f"no timestamp by {self.url}: {error}. The exhibit is sealed without one, and says so")
            return None

    def _stamped(self, statement: bytes, sealed_at: datetime) -> bytes:
        request = TimestampRequestBuilder().data(statement).hash_algorithm(HashAlgorithm.SHA256).build()
        response = kept(self._answered(request.as_bytes()))
        token = check(response, statement, self._certificates)
        if token.nonce != request.nonce:
            raise TokenError("it answered another question")
        if token.precedes(sealed_at):
            raise TokenError("its clock, or this machine's, is wrong")
        return response

    def _answered(self, request: bytes) -> bytes:
        """The body of the answer. Asked in a thread: no bound on a socket bounds a name's look-up, or a server that drips."""
        if self._asking is not None and self._asking.is_alive():
            raise TimeoutError("it still owes the last answer")
        answers: SimpleQueue[bytes | Exception] = SimpleQueue()
        self._asking = threading.Thread(target=lambda: answers.put(_posted(self.url, request, self._wait_s)), daemon=True)
        self._asking.start()
        try:
            answer = answers.get(timeout=self._wait_s)
        except Empty:
            raise TimeoutError(f"no answer within {self._wait_s:g} s") from None
        if isinstance(answer, Exception):
            raise answer
        return answer


def _posted(url: str, request: bytes, wait_s: float) -> bytes | Exception:
    """The answer's body, or what went wrong. RFC 3161, section 3.4."""
    question = urllib.request.Request(url, request, {"Content-Type": "application/timestamp-query"})  # noqa: S310 - see below
    try:
        # The settings take no other scheme than http and https.
        with urllib.request.urlopen(question, timeout=wait_s) as answer:  # noqa: S310
            assert isinstance(answer, HTTPResponse)
            if answer.headers.get_content_type() != "application/timestamp-reply":
                return TokenError("what answers there is no timestamp authority")
            body = answer.read(TOKEN_BYTES_MAX + 1)
    except (OSError, HTTPException, ValueError) as error:
        return error
    return body if len(body) <= TOKEN_BYTES_MAX else TokenError("its answer is too large")
