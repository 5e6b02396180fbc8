"""The versions of the database, as Alembic runs them when the service starts."""
