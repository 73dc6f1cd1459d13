"""`wanted`: the hot list names this vehicle."""

from collections.abc import Sequence

from clearway.facts import Answer, Finding, Passage, Record
from clearway.rules.judging import decisive_frames


class Wanted:
    """A finding where the hot list answers that the vehicle is listed."""

    name = "wanted"

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        for record in records:
            listed = record.register == "hotlist" and record.question == "listed" and record.answer is Answer.YES
            plate = record.entry.get("plate")
            if listed and plate and passage.plate is not None:
                # The reason comes from a closed list; case and source are free text, which might repeat the plate.
                because = f"The plate that was read is on the hot list; the reason given is: {record.entry['reason']}."
                return Finding(self.name, passage, plate, record.p, because, (record,), decisive_frames(passage, plate))
        return None
