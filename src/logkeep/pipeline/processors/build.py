"""Which class does the work of which processor of a spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from logkeep.pipeline import model
from logkeep.pipeline.processors.base import Processor
from logkeep.pipeline.processors.dedupe import DedupeProcessor
from logkeep.pipeline.processors.drop import DropProcessor
from logkeep.pipeline.processors.filter import FilterProcessor
from logkeep.pipeline.processors.keep import KeepProcessor
from logkeep.pipeline.processors.parse_grok import ParseGrokProcessor
from logkeep.pipeline.processors.parse_json import ParseJsonProcessor
from logkeep.pipeline.processors.parse_regex import ParseRegexProcessor
from logkeep.pipeline.processors.parse_timestamp import ParseTimestampProcessor
from logkeep.pipeline.processors.redact import RedactProcessor
from logkeep.pipeline.processors.rename import RenameProcessor
from logkeep.pipeline.processors.sample import SampleProcessor
from logkeep.pipeline.processors.set_field import SetProcessor
from logkeep.pipeline.processors.throttle import ThrottleProcessor
from logkeep.pipeline.processors.unroll import UnrollProcessor

# Each takes its spec and a clock of seconds that only rise, and raises BadSetting for what cannot be.
TABLE: Mapping[type[model.Processor], Callable[[Any, Callable[[], float]], Processor]] = {
    model.Filter: FilterProcessor,
    model.Drop: DropProcessor,
    model.Keep: KeepProcessor,
    model.Rename: RenameProcessor,
    model.Set: SetProcessor,
    model.ParseJson: ParseJsonProcessor,
    model.ParseRegex: ParseRegexProcessor,
    model.ParseGrok: ParseGrokProcessor,
    model.ParseTimestamp: ParseTimestampProcessor,
    model.Redact: RedactProcessor,
    model.Sample: SampleProcessor,
    model.Dedupe: DedupeProcessor,
    model.Throttle: ThrottleProcessor,
    model.Unroll: UnrollProcessor,
}
