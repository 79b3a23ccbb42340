"""Widgets that know no lab: they draw what a source hands them and never ask a database."""
