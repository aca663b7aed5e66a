"""What Alembic runs to change a database: the revisions, on the connection that `schema.apply_schema` gives it."""

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], version_table_schema=given["database"])
context.run_migrations()
