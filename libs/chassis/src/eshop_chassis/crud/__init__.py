"""Create, read, update, delete and list for a table and its message."""

from eshop_chassis.crud.list_rpc import SharedLists
from eshop_chassis.crud.store import CrudStore, changed_fields, client_names, sent_fields, table_of

__all__ = ["CrudStore", "SharedLists", "changed_fields", "client_names", "sent_fields", "table_of"]
