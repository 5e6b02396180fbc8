"""Choose the column of each role: the one that the user names, else by its name and by what is in it.

The speaker is in the column whose values repeat and alternate (`speaker_columns`), the text in the one with the most
words (`text_columns`).
"""

from __future__ import annotations

from fliptrace.transcripts.tables.aliases import DATES, IDS, ORDER, REPLY
from fliptrace.transcripts.tables.column import Column, Columns
from fliptrace.transcripts.tables.column_names import is_flag, is_id
from fliptrace.transcripts.tables.layout import Layout
from fliptrace.transcripts.tables.speaker_columns import choose_speaker
from fliptrace.transcripts.tables.text_columns import choose_texts


class ColumnChooser(Columns):
    """The choice of columns for one dialogue."""

    def layout(self, without: str | None) -> Layout:
        """Choose all columns, except `without`, which says to which dialogue a row belongs."""
        taken = {*self.named.values(), *([without] if without else [])}
        texts = choose_texts(self, taken)
        taken |= set(texts)
        emotion = self.named.get("emotion") or self.by_name("emotion", taken)
        taken |= {emotion} if emotion else set()
        speaker = Layout(()) if len(texts) > 1 else choose_speaker(self, taken, texts)
        taken |= {speaker.speaker} if speaker.speaker else set()
        start = self.named.get("start") or self.by_name("start", taken)
        end = self.named.get("end") or self.by_name("end", taken)
        return speaker._replace(
            texts=texts,
            emotion=emotion,
            start=start,
            end=end,
            duration=None if end else self.first_of(("duration", "length", "dur"), taken),
            date=self.first_of(DATES, taken | {start or ""}),
            order=self.first_of(ORDER, taken | {start or "", end or ""}),
        )

    def dialogue(self) -> str | None:
        """The column that says to which dialogue a row belongs: one whose values are ids that repeat."""
        if "dialogue" in self.named:
            return self.named["dialogue"]
        for name in self.all_of("dialogue", set(self.named.values())):
            column = self.column(name)
            if is_flag(name) and column.alternates and len(column.counts) <= 4:  # the channels of one call
                continue
            # An id that differs in every row is that of an utterance, and prose is the text of one.
            if column.filled and not column.is_prose and (self._groups(column) or self._is_id_of_dialogue(name)):
                return name
        return None

    def _is_id_of_dialogue(self, name: str) -> bool:
        """Whether a column is named for ids, and at least two rows share one (with fewer than three rows: any ids)."""
        column = self.column(name)
        return is_id(name) and (len(column.filled) < 3 or len(column.counts) < len(column.filled))

    def _groups(self, column: Column) -> bool:
        """Whether the values repeat in rows that follow each other."""
        return len(column.counts) < len(column.filled) and column.change_rate < 0.9

    def reply(self) -> tuple[str, str] | None:
        """The columns with the id of a row and with that of the row it answers."""
        reply, own = self.first_of(REPLY, set()), self.first_of(IDS, set())
        return (own, reply) if own and reply else None
