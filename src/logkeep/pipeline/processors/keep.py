"""Takes all fields away but some. Id, time, receipt time and account stay in any case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.fields import TEXTS, path_of
from logkeep.pipeline.members import Tree, only, tree_of
from logkeep.record import NO_META, Record


class KeepProcessor:
    """Raises BadSetting for names that are no fields."""

    def __init__(self, spec: model.Keep, _clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        if not spec.fields:
            raise BadSetting("no field is named", hint="name those to keep", field="fields")
        paths = [path_of(field, setting="fields") for field in spec.fields]
        below = [path for path in paths if path is not None]
        kept = set(spec.fields)
        gone = [name for name in TEXTS if name not in kept]
        self._blank = [*gone, "raw"] if "line" in gone else gone
        self._tag = "tag" in kept
        self._all_meta = () in below
        self._tree: Tree = {} if self._all_meta else tree_of(below)

    def run(self, records: list[Record]) -> list[Record]:
        blank, tree = self._blank, self._tree
        for record in records:
            for name in blank:
                setattr(record, name, "")
        if not self._tag:
            for record in records:
                record.tag = ()
        if not self._all_meta:
            for record in records:
                if meta := record.meta:
                    record.meta = only(meta, tree) if tree else NO_META
        return records
