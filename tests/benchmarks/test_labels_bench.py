"""The benchmark of labels measures what it says, on a lab that is made in a moment."""

from __future__ import annotations

from pathlib import Path

from o1coder import labels, standing
from o1coder.lab import Lab
from tests.benchmarks.labels import AIMS_MS, make, measure


def test_its_lab_has_rows_of_every_kind_and_its_figures_have_their_names(tmp_path: Path) -> None:
    home = tmp_path / "lab"
    make(home, 3000)
    lab = Lab(home)
    with lab.reading() as connection:
        counts = {
            name: connection.exec_driver_sql(f"SELECT COUNT(*) FROM {name}").scalar()
            for name in ("step", "label", "rollout", "dataset_item", "dataset_label", "dataset_path", "checkpoint")
        }
        depths = connection.exec_driver_sql("SELECT COUNT(*) FROM step WHERE depth = 3 AND parent_id IS NULL").scalar()
        chained = connection.exec_driver_sql("SELECT step_id FROM dataset_path WHERE dataset_id = 3 LIMIT 1").scalar()
    assert counts["step"] == 3000
    assert depths == 0
    assert min(counts.values()) > 0
    assert chained is not None
    stale = labels.add_human(lab, chained, "invalid", "bench").stale_checkpoints
    assert stale
    with lab.reading() as connection:
        assert set(stale) <= set(standing.stale_labels(connection, range(1, 7)))
    lab.close()
    assert AIMS_MS.keys() <= measure(home, 5).keys()
