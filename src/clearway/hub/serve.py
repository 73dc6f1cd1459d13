"""One hub on one data folder: it holds the folder against a second hub, takes its socket, and serves until it is told to stop.

with open_hub(data) as hub:
    print(hub.address, hub.sign_in_link())      # nothing is served yet, and the port is already ours
    hub.serve()                                 # until Ctrl-C, SIGTERM or `hub.stop()` from another thread
"""

import errno
import fcntl
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from clearway.errors import ClearwayError, SettingsError, StoreError
from clearway.evidence.pkcs11 import TokenKey
from clearway.hub.app import create_app
from clearway.hub.guard import is_loopback
from clearway.hub.keeping import Swept
from clearway.hub.review import Review
from clearway.hub.signin import SignIn
from clearway.settings import RetentionSettings

LOCK_NAME = "hub.lock"
OFFICER = "officer-1"
BACKLOG = 64
STOPS_WITHIN_S = 3
SWEPT_EVERY_S = 300.0


class Served:
    """An application with the port that it is served on. A context manager that lets go of it.

    SettingsError where the port is taken or the address is none of this machine.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._resources = ExitStack()
        self._socket = self._resources.enter_context(_listening(host, port))
        self.port: int = self._socket.getsockname()[1]
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,  # addresses of requests hold sign-in tokens and exhibits' ids
            log_level="error",
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=STOPS_WITHIN_S,
        )
        self._server = uvicorn.Server(config)

    def serve(self) -> None:
        """Serves until Ctrl-C or SIGTERM (where this is the main thread) or until `stop`, then finishes what it is at."""
        with _ending_gently(), suppress(KeyboardInterrupt):
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Ends `serve` soon. May be called from any thread, also before `serve`."""
        self._server.should_exit = True

    def close(self) -> None:
        """Lets go of the port and of what else is held. Closing twice is fine."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class Hub(Served):
    """A hub that holds its data folder and its port. Made by `open_hub`; a context manager that lets go of both."""

    def __init__(
        self,
        data: Path,
        host: str,
        port: int,
        now: Callable[[], datetime],
        retention: RetentionSettings,
        tell: Callable[[str], None],
        token: TokenKey | None,
    ) -> None:
        with ExitStack() as opened:  # whatever fails, what was taken before is given back
            opened.enter_context(held(data))
            app = create_app(data, host=host, now=now, retention=retention, token=token)
            opened.callback(app.state.review.close)
            super().__init__(app, host, port)
            opened.callback(self._resources.close)
            self._resources = opened.pop_all()
        self._sign_in: SignIn = app.state.sign_in
        self._app = app
        self._tell, self._told, self._ended = tell, "", threading.Event()

    def serve(self) -> None:
        """As above, and erases what must be gone meanwhile."""
        sweeper = threading.Thread(target=self._sweep_often, name="sweeper", daemon=True)
        sweeper.start()
        try:
            super().serve()
        finally:
            self._ended.set()
            sweeper.join()

    def sweep(self) -> Swept:
        """Erases what must be gone. `serve` does so at once and then every few minutes."""
        review: Review = self._app.state.review
        return review.keeping.sweep()

    def _sweep_often(self) -> None:
        while not self._ended.is_set():
            try:
                swept = self.sweep()
                words = staying(swept)
            except ClearwayError as error:
                words = f"What must be gone could not be erased: {error.happened}"
            if words != self._told:  # once, not every few minutes
                self._told = words
                if words:
                    self._tell(words)
            self._ended.wait(SWEPT_EVERY_S)

    def sign_in_link(self, officer: str = OFFICER) -> str:
        """A fresh link that signs `officer` in, once, within 15 minutes."""
        return self.address + self._sign_in.new_link(officer)


def open_hub(
    data: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    beyond_this_machine: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    retention: RetentionSettings = RetentionSettings(),  # noqa: B008 - frozen
    tell: Callable[[str], None] = lambda words: None,
    token: TokenKey | None = None,
) -> Hub:
    """A hub on `data` that listens on `host` and `port` (0: any free one) and serves when told to. `tell` hears what is past its
    time and stays; `token` is where the key is, where it is not in the folder's file.

    StoreError where another hub holds the folder, or where the folder is missing, has no keys or is damaged. SettingsError
    where the port is taken, or where `host` reaches beyond this machine and `beyond_this_machine` does not allow that.
    """
    if not is_loopback(host) and not beyond_this_machine:
        raise SettingsError(
            f"{host} can be reached from other machines, and the hub speaks plain HTTP.",
            remedy="keep to 127.0.0.1; if you mean it, write host under [hub] in clearway.toml and put TLS in front of it.",
        )
    return Hub(data, host, port, now, retention, tell, token)


def staying(swept: Swept) -> str:
    """What of the exhibits whose time is over stays, in words; empty where nothing does."""
    words = []
    if swept.undecided:
        words.append(f"{swept.undecided} past their time wait for a decision; `clearway purge` names them.")
    if swept.held:
        words.append(f"{swept.held} past their time are kept for a court.")
    return " ".join(words)


def run_hub(
    data: Path,
    host: str,
    port: int,
    announce: Callable[[str], None],
    *,
    beyond_this_machine: bool = False,
    retention: RetentionSettings = RetentionSettings(),  # noqa: B008 - frozen
    token: TokenKey | None = None,
) -> None:
    """Serves until Ctrl-C or SIGTERM. `announce` gets one line at a time, the address and the sign-in link among them."""
    with open_hub(
        data,
        host,
        port,
        beyond_this_machine=beyond_this_machine,
        retention=retention,
        tell=announce,
        token=token,
    ) as hub:
        announce(f"The hub is at {hub.address}. Its public page, counts only: {hub.address}/public")
        announce(f"Sign in as {OFFICER}, once, within 15 minutes: {hub.sign_in_link()}")
        if not is_loopback(host):
            announce("It can be reached from other machines and speaks plain HTTP: put TLS in front of it.")
        announce("Ctrl-C ends it.")
        hub.serve()


@contextmanager
def held(data: Path) -> Iterator[None]:
    """The folder's lock: one hub or purge at a time. It belongs to the open file, so it ends with the process, however that
    ends."""
    if not data.is_dir():
        raise StoreError(f"there is no data folder {data}.", remedy="run `clearway init`, or name another with --data.")
    try:
        handle = os.open(data / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"the data folder {data} cannot be written to: {error.strerror}.", remedy="make it writable for this user."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StoreError(
            f"another hub is running on {data}.",
            remedy="use that one, or end it first; a second hub needs a data folder of its own (--data).",
        ) from None
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """The socket, bound and listening, so that nobody else can take the port and early visitors wait in line."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen(BACKLOG)
        except OSError as error:
            raise _unbound(host, port, error) from error
        yield listening


def _unbound(host: str, port: int, error: OSError) -> SettingsError:
    if error.errno == errno.EADDRINUSE:
        return SettingsError(
            f"port {port} on {host} is taken by another program.",
            remedy="name another with --port (0 takes any free one), or end the program that holds it.",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return SettingsError(f"port {port} may not be used by this user.", remedy="name a port above 1023 with --port.")
    return SettingsError(
        f"the hub cannot listen on {host}: {error.strerror or error}.", remedy="name an address of this machine: 127.0.0.1."
    )


@contextmanager
def _ending_gently() -> Iterator[None]:
    """SIGTERM ends the hub as Ctrl-C does. uvicorn raises a signal again when it has finished; it then lands here."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
