"""Reader for Parquet tables, with pyarrow if that is installed."""

from __future__ import annotations

import io
import json

from fliptrace.transcripts.documents.office import lines_of
from fliptrace.transcripts.documents.packed import MAX_UNPACKED
from fliptrace.transcripts.source import MAX_ROWS, NO_EVIDENCE, Evidence, Extracted, Reader, Source


def extract_parquet(source: Source) -> Extracted:
    """The rows of a Parquet file as JSON, which keeps lists."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise source.error("", "a Parquet file, which needs pyarrow: install it, or save the file as .csv") from error
    try:
        file = parquet.ParquetFile(io.BytesIO(source.data))
        meta = file.metadata
        size = sum(meta.row_group(number).total_byte_size for number in range(meta.num_row_groups))
    except (OSError, pyarrow.ArrowException) as error:
        raise source.error("", f"unreadable Parquet file: {error}") from error
    if meta.num_rows > MAX_ROWS or size > MAX_UNPACKED:
        raise source.error("", f"{meta.num_rows:,} rows of {size / 1e6:,.0f} MB; expected one dialogue per file")
    try:
        records = file.read().to_pylist()
    except (OSError, pyarrow.ArrowException, ValueError, MemoryError) as error:  # ValueError: times in nanoseconds
        raise source.error("", f"unreadable Parquet file: {error}") from error
    return Extracted(json.dumps(records, default=str), ".json")


def _sniff(source: Source) -> Evidence:
    return Evidence(1.0, "PAR1") if source.data.startswith(b"PAR1") else NO_EVIDENCE


READER = Reader(
    "parquet",
    (".parquet",),
    _sniff,
    lines_of,
    title="Parquet table (if pyarrow is installed)",
    has_columns=True,
    is_binary=True,
    extract=extract_parquet,
)
