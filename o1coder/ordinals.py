"""How the trees of one job and problem are numbered. It loads nothing, so that what only asks needs no table models."""

from __future__ import annotations

GROUP_STRIDE = 1_000_000  # an RL group's ordinal is (attempt - 1) * GROUP_STRIDE + iteration
