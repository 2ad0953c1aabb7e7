"""Search in place: an archive's objects are searched where they lie, and nothing is kept.

`search.Search` gives the lines that a restore would bring, in the order of a search in the restored account,
as they are found; `counting.Count` counts them. Both walk the same way (walk.py): hour by hour, within an
hour by the time bounds of the blocks, reading only blocks that the query cannot rule out (places.py). Runs of
blocks are scanned side by side (reading.py), in Python (lines.py) or, where a query makes that slow, by the
engine (engine.py). What is found waits until nothing can come before it (waiting.py), in bounded memory and
beyond that on the disk (runs.py); what is counted needs no order, only what tells repeats (seen.py).
"""
