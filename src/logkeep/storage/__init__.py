"""Buckets: a folder or an object store, behind one protocol (`storage.base.Bucket`)."""
