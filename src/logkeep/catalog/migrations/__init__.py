"""Alembic migrations of the catalog, packaged so that an installed wheel can bring a catalog up to date."""
