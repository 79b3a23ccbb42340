"""Where problems come from: importers, one a format, and the starter problems that ship with the project.

What is here returns plain values or reports rejected rows; it opens no lab.
"""
