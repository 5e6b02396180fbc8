"""Statistics of the corpora of a track. They are counts without any text, so they may be kept beside the metrics.

Only known labels are counted (`FlipCase.known_triggers`). Shares are rounded to four digits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from fliptrace.core.files import Json, hash_file
from fliptrace.core.flips import FlipCase
from fliptrace.corpora.corpus_file import EfrFile
from fliptrace.corpora.groups import assign_groups_across
from fliptrace.corpora.leaks import find_leaks
from fliptrace.corpora.longest_prefixes import distinct_longest_prefixes
from fliptrace.corpora.splits import split_by_group


def track_facts(files: Mapping[str, EfrFile], *, share: float, seed: int) -> Json:
    """Compute the statistics of a track from its files by split, which must include "train" and "val".

    Groups are found over all files together. Leaks are given for the official split and for a split by group, as a
    recipe with `resplit = share` makes it.
    """
    splits = dict(zip(files, assign_groups_across([file.cases for file in files.values()]), strict=True))
    train, val = splits["train"], splits["val"]
    parts = split_by_group([*train, *val], {"train": 1 - share, "val": share}, seed)
    return {
        "files": {name: _describe(file) for name, file in files.items()},
        "splits": {name: split_facts(cases) for name, cases in splits.items()},
        "num_groups": len({case.group for cases in splits.values() for case in cases}),
        "leaks": {
            "official": asdict(find_leaks(train, val)),
            "by group": asdict(find_leaks(parts["train"], parts["val"])) | {"share": share, "seed": seed},
        },
    }


def split_facts(cases: Sequence[FlipCase]) -> Json:
    """Count the flips and triggers of a split, and the distances of triggers from the target.

    Distances count backwards; 0 is the target itself. Triggers before the source are counted only in the
    `num_known_whole` cases whose labels are known from the first utterance.
    """
    labelled = [case for case in cases if case.triggers is not None]
    whole = [case for case in labelled if case.known_from == 0]
    distances = Counter(case.flip.target - trigger for case in labelled for trigger in case.known_triggers)
    num_before_source = sum(trigger < case.flip.source for case in whole for trigger in case.known_triggers)
    types = Counter(f"{case.flip.before}->{case.flip.after}" for case in cases)
    return {
        "num_flips": len(cases),
        "num_labelled": len(labelled),
        "num_known_whole": len(whole),
        "num_dialogues": len(distinct_longest_prefixes(cases)),
        "num_groups": len({case.group for case in cases}),
        "num_triggers": distances.total(),
        "triggers_per_flip": _ratio(distances.total(), len(labelled)),
        "share_without_trigger": _ratio(sum(not case.known_triggers for case in labelled), len(labelled)),
        "share_before_source": _ratio(num_before_source, sum(len(case.known_triggers) for case in whole)),
        "triggers_by_distance": {str(distance): distances[distance] for distance in sorted(distances)},
        "flip_types": dict(sorted(types.items(), key=lambda item: (-item[1], item[0]))),
    }


def _describe(file: EfrFile) -> Json:
    return {"name": file.path.name, "sha256": hash_file(file.path), "num_left_out": len(file.left_out)}


def _ratio(part: int, whole: int) -> float | None:
    """The share of `part` in `whole`; None where `whole` is 0."""
    return round(part / whole, 4) if whole else None
