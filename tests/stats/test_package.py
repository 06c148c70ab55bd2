"""What importing costs."""

from __future__ import annotations

import subprocess
import sys


def modules_after(statement):
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_building_estimates_does_not_load_scipys_distributions():
    loaded = modules_after("import auditkit.stats.estimates")
    assert "scipy.special" in loaded
    assert "scipy.stats" not in loaded
