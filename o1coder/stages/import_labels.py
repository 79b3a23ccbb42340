"""Import a file of labels: PRM800K's or Potato's lines, JSONL or CSV. For rows that name nobody, which only a job can answer for.

A row with a name becomes that person's label, any other a label of source `import`, which counts least. The file is read
whole first; every row that is turned down is told with its reason, and the same file twice adds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from o1coder.stage import Reporter, Selects, StageConfig, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab


class ImportLabels(StageConfig):
    """Import a file of labels, also of rows that name no person."""

    path: str = Field(description="the file")
    format: Literal["prm800k", "potato", "jsonl", "csv"] | None = Field(
        None, description="its format (default: told by it)"
    )
    query: Selects = Field(
        "", description="rows without a step's name are looked for in these trees: field:value words"
    )


@stage("import-labels", ImportLabels)
def import_labels(lab: Lab, config: ImportLabels, report: Reporter) -> None:
    """Read, place, write people's labels and then nobody's; leave the command's object."""
    from pathlib import Path

    from o1coder.answers import leave
    from o1coder.labelfiles import store

    path = Path(config.path)
    with lab.reading() as connection:
        found = store.plan(connection, path, config.format or store.guess(path), query=config.query)
    done = store.write(lab, found)
    unnamed = store.write_unnamed(lab, found, report.job_id)
    for row in found.rejected:
        report.log(f"rejected row {row.row} ({row.key}): {row.reason}")
    report.log(f"{len(done.labels)} labels of people and {unnamed} of nobody added, {found.known} there already")
    leave(lab, report.job_id, store.answer(found, done, unnamed))
