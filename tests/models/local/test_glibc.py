"""Whether large buffers stay with the process, seen from outside: a second one costs hardly a page."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys
import numpy as np
from fliptrace.models.local.glibc import keep_large_buffers
assert sys.argv[1] == "as it is" or keep_large_buffers()
def count():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(10_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
count()
print(count())
"""


def count_faults(how: str) -> int:
    run = subprocess.run([sys.executable, "-c", COUNT_FAULTS, how], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is Linux's")
def test_a_second_large_buffer_is_the_first_again() -> None:
    assert 10 * count_faults("kept") < count_faults("as it is")
