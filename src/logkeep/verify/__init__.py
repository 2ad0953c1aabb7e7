"""Verify: every object of an archive against its manifest and against what its key says, and every
manifest against the chain that it is in.

Reads every stored byte once and decodes every line, or of each object only a sample of its blocks. Memory
stays flat. Blocks are checked in two threads, mostly without the GIL. Only what overlaps in ids is read a
second time, to count duplicates. What an interrupted run has done need not be done again (ledger.py).
"""

from logkeep.verify.report import AccountPart, Finding, Kind, Report, document
from logkeep.verify.run import verify
from logkeep.verify.sample import Sample

__all__ = ["AccountPart", "Finding", "Kind", "Report", "Sample", "document", "verify"]
