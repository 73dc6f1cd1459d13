"""A process that watches leaves no memory behind: no core dump, and no other process of the same user may read it."""

import ctypes
import resource
import sys

from clearway.errors import InstallationError

PR_SET_DUMPABLE = 4  # Linux: include/uapi/linux/prctl.h


def leave_no_dump() -> None:
    """Sets RLIMIT_CORE to 0 and, on Linux, makes the process not dumpable (which also refuses ptrace by its own user).

    InstallationError where the system refuses: what cannot be promised is not begun.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        refused = ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        if refused:
            raise InstallationError(
                "this system does not let a process keep its memory to itself (prctl PR_SET_DUMPABLE).",
                remedy="run Clearway where nothing filters that call.",
            )
