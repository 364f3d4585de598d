"""What code costs, in Python calls: exact on any machine, where times are not."""

import gc
import sys


def calls_of(work):
    """Count the Python functions that are entered, when everything is warm."""
    work()
    work()
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    gc.collect()
    gc.disable()  # what other tests left would be finalized, and counted
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count
