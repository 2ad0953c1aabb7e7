"""Alembic's entry point. database.py hands over the connection, inside one transaction."""

from alembic import context

from logkeep.catalog.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
