"""A process that watches leaves no memory behind: no core dump, and no other process of the same user may read it."""

import ctypes
import resource
import sys

PR_SET_DUMPABLE = 4  # Linux: include/uapi/linux/prctl.h


def leave_no_dump() -> None:
    """Sets RLIMIT_CORE to 0 and, on Linux, makes the process not dumpable (which also refuses ptrace by its own user)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
