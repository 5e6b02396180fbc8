"""The C library's allocator, told to keep what torch gives back on a CPU.

glibc hands every large buffer back to the system, which clears the next one page by page: sampling 10 replies to each
of 20 prompts took a fifth longer so, with a vocabulary of 49,152 (docs/results.md). Elsewhere there is nothing to tell.
For reading alone: training gains nothing, and buffers of ever other sizes leave holes, gigabytes of them with 113M
weights.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# glibc, malloc.h: M_TRIM_THRESHOLD, M_MMAP_MAX.
_TRIM_THRESHOLD, _MOST_MAPPED = -1, -4
_KEPT = 2**31 - 1  # bytes that lie free at the end of the heap: the largest number it takes


@cache
def keep_large_buffers() -> bool:
    """For the whole process, for good; whether there was an allocator to tell. Memory once taken stays with it."""
    tell = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    return tell is not None and bool(tell(_MOST_MAPPED, 0) and tell(_TRIM_THRESHOLD, _KEPT))
