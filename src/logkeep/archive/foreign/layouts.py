"""All layouts, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from logkeep.archive.foreign import (
    cloudwatch,
    coralogix,
    cribl,
    datadog,
    edgedelta,
    firehose,
    fluentbit,
    logzio,
    mezmo,
    otel,
    papertrail,
    plain,
    sumo,
    vector,
)
from logkeep.archive.foreign.base import Layout
from logkeep.archive.foreign.custom import custom
from logkeep.errors import BadSetting

CUSTOM = "custom"

_ALL: tuple[Layout, ...] = (
    *plain.LAYOUTS,
    *mezmo.LAYOUTS,
    logzio.LAYOUT,
    datadog.LAYOUT,
    papertrail.LAYOUT,
    vector.LAYOUT,
    fluentbit.LAYOUT,
    *otel.LAYOUTS,
    *firehose.LAYOUTS,
    cloudwatch.LAYOUT,
    cribl.LAYOUT,
    sumo.LAYOUT,
    edgedelta.LAYOUT,
    coralogix.LAYOUT,
)

LAYOUTS: Mapping[str, Layout] = MappingProxyType({layout.name: layout for layout in _ALL})
"""Those that need no options; `layout_of` makes the one that does."""

_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


def layout_of(name: str, options: Mapping[str, str] = _NO_OPTIONS) -> Layout:
    """The layout of this name; "custom" is described by its options (custom.py), others take none.

    Raises BadSetting, naming the option.
    """
    if name == CUSTOM:
        return custom(options)
    layout = LAYOUTS.get(name)
    if layout is None:
        known = ", ".join((*LAYOUTS, CUSTOM))
        raise BadSetting(f"there is no layout {name!r}", hint=f"layouts are {known}", field="layout")
    if options:
        first = next(iter(options))
        raise BadSetting(
            f"the layout {name!r} takes no option {first!r}",
            hint=f"only the layout {CUSTOM!r} has options",
            field=first,
        )
    return layout
