"""How a call is held up."""

import gevent

from sandbox.faults import Fault


def wait(fault: Fault) -> None:
    """Wait as long as the fault says, while others are served."""
    if fault.delay_ms:
        gevent.sleep(fault.delay_ms / 1000)
