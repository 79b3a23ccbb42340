"""Queries that people keep by name. Not facts: saving under the same name replaces."""

from __future__ import annotations

from sqlmodel import Field, SQLModel


class SavedQuery(SQLModel, table=True):
    """A query with a name. `kind` says what language it is in: sql, problems, or a kind of dataset."""

    __tablename__ = "saved_query"
    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    text: str
    author: str
    created_at: str
