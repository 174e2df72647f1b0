"""Worker processes end with the job, and of nothing else that is meant for the whole job."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def belong_to(parent: int) -> None:
    """End this process when its parent does, and leave Ctrl-C and SIGTERM to the parent.

    These reach every process of a job, by the terminal or a queueing system; the parent finishes
    what is being worked on. On Linux the kernel ends this process; elsewhere it ends when it finds
    its pipes closed.

    Parameters
    ----------
    parent : int
        Number of the parent process: it may be gone already.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
