"""What the command line's exit codes mean."""

from __future__ import annotations

import signal

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_SOME_UNREAD = 3
"""Click itself ends wrong usage with 2."""
EXIT_SIGNAL = 128
"""More by the number of the signal that ended the job: SIGINT gives 130, SIGTERM 143."""
EXIT_INTERRUPTED = EXIT_SIGNAL + signal.SIGINT
