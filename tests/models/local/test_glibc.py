"""Large buffers stay with the process: allocating a second one causes hardly any page fault."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys
import numpy as np
from fliptrace.models.local.glibc import keep_large_buffers
assert sys.argv[1] == "default" or keep_large_buffers()
def count():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(10_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
count()
print(count())
"""


def count_faults(allocator: str) -> int:
    run = subprocess.run([sys.executable, "-c", COUNT_FAULTS, allocator], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is the C library of Linux")
def test_a_second_large_buffer_is_the_first_again() -> None:
    assert 10 * count_faults("kept") < count_faults("default")
