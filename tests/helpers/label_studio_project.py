"""What Label Studio does with tasks: it checks them against the labelling config, and exports what annotators submit.

Checked by its own SDK. Exports have the fields that https://labelstud.io/guide/task_format shows.
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Json = dict[str, Any]
Result = list[Json]


def config_errors(config: str, tasks: Sequence[Json]) -> list[str]:
    """What Label Studio's SDK finds wrong with tasks and their predictions; skips the test without the SDK."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns about its own use of pydantic
        sdk = pytest.importorskip("label_studio_sdk.label_interface")
    interface = sdk.LabelInterface(config)
    interface.validate()
    errors = [] if all(interface.validate_task({"data": task["data"]}) for task in tasks) else ["no dialogue"]
    for task in tasks:
        for prediction in task["predictions"]:
            errors += interface.validate_prediction(prediction, return_errors=True)
    return errors


def annotation(result: Result, **fields: object) -> Json:
    return {
        "id": 1,
        "completed_by": 1,
        "result": result,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-11-03T09:00:00.000000Z",
        "updated_at": "2026-11-03T09:00:00.000000Z",
        "lead_time": 4.2,
    } | fields


def submitted(tasks: Sequence[Json], change: Callable[[Result], object] = lambda result: None) -> list[Json]:
    """The export after an annotator accepted the predictions of every task, with changes to the first one."""
    exported = []
    for number, task in enumerate(tasks, start=17):
        result = copy.deepcopy(task["predictions"][0]["result"])
        if number == 17:
            change(result)
        for each in result:
            if each["type"] != "relation":
                each["origin"] = "prediction"
        fields = {"drafts": [], "meta": {}, "project": 3, "total_annotations": 1, "cancelled_annotations": 0}
        exported.append({"id": number, "annotations": [annotation(result)], **fields, **copy.deepcopy(dict(task))})
    return exported


def save(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
