"""What Alembic runs to change a database: the revisions, on the connection that `schema.apply_schema` gives it."""

from alembic import context

given = context.config.attributes
# MySQL 8 has no RETURNING, which SQLAlchemy would send to MariaDB for Alembic's own row: one way for both servers.
given["connection"].dialect.insert_returning = False
context.configure(connection=given["connection"], version_table_schema=given["database"])
context.run_migrations()
