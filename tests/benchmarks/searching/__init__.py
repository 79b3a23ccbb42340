"""The parts of the search benchmark: what is measured, on what, and how the figures are shown (search.py is its command)."""
