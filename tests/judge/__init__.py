"""Tests of o1coder/judge."""
