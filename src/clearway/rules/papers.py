"""`papers`: the register says that this vehicle's registration had ended."""

from collections.abc import Sequence

from clearway.facts import Answer, Finding, Passage, Record
from clearway.rules.judging import decisive_frames


class Papers:
    """A finding where the register answers that the vehicle is not registered; its silence is none."""

    name = "papers"

    def judge(self, passage: Passage, records: Sequence[Record]) -> Finding | None:
        for record in records:
            lapsed = record.register == "register" and record.question == "registered" and record.answer is Answer.NO
            plate = record.entry.get("plate")
            if lapsed and plate and passage.plate is not None:
                because = f"The register says that this vehicle's registration ended on {record.entry['valid_to'][:10]}."
                return Finding(self.name, passage, plate, record.p, because, (record,), decisive_frames(passage, plate))
        return None
