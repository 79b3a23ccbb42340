"""What holds for every test: Hypothesis measures nothing, since a time limit never decides a test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
