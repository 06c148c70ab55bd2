"""What importing costs, and what it offers."""

from __future__ import annotations

import subprocess
import sys

from auditkit import stats


def modules_after(statement):
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_no_numbers():
    assert not {"numpy", "scipy", "pydantic"} & modules_after("import auditkit.stats")


def test_building_estimates_does_not_load_scipys_distributions():
    loaded = modules_after("import auditkit.stats.estimates")
    assert "scipy.special" in loaded
    assert "scipy.stats" not in loaded


def test_every_export_exists():
    for name in stats.__all__:
        assert callable(getattr(stats, name))
