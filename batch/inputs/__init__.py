"""What is to be scored: files, folders, lists, tables, archives become one stream of items."""
