"""Shared by the tests of the model that ships: they are skipped in a build without its weights."""

from __future__ import annotations

import pytest

from fliptrace.models.bundled import EMBEDDED, is_shipped

WITHOUT_WEIGHTS = "no weights are shipped yet; `make embedded` makes them"
needs_weights = pytest.mark.skipif(not is_shipped(EMBEDDED), reason=WITHOUT_WEIGHTS)
