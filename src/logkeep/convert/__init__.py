"""Convert: a foreign archive rewritten as ours, line for line, by event hour.

Two passes. The first translates every source object, in order, and splits its lines by event hour into
files on the disk (split.py). The second takes one hour after the other, puts its lines in the order of
their times, leaves out those whose id came before with the same time (order.py), and writes objects and
manifests (store.py). So lines that came late, in whatever source object, are in the objects of their hour,
and memory stays flat. The same source gives the same bytes: a convert that was cut short is run again,
finds what is there to be its own, and ends as if it had never stopped.
"""

from logkeep.convert.report import Converted, Step
from logkeep.convert.run import convert

__all__ = ["Converted", "Step", "convert"]
