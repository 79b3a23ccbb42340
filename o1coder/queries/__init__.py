"""Every question that the CLI and the TUI ask, a file per noun; read-only; named tuples, never ORM objects."""
