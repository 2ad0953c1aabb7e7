"""The query language: text to nodes, nodes to SQL and to a Python predicate."""
