"""The archive format (docs/archive-format.md): keys, blocks, manifests, and how they are written and read."""
