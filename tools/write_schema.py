"""Writes docs/analysis.schema.json, the JSON Schema of an analysis, from the models in fliptrace/analysis/schema.py.

    python -m tools.write_schema

A test holds the file to the code.
"""

from __future__ import annotations

from pathlib import Path

from fliptrace.analysis.schema import json_schema
from fliptrace.core.files import write_json

if __name__ == "__main__":
    write_json(Path(__file__).parents[1] / "docs" / "analysis.schema.json", json_schema())
