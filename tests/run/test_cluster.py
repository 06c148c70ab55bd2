"""Ray: the same answers as here, whoever dies."""

from __future__ import annotations

import ipaddress
import os
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from auditkit.errors import MeasurementError, ModelError
from auditkit.registry import missing
from auditkit.run.cluster import RayExecutor

pytestmark = pytest.mark.ray

pytest.importorskip("ray", reason=missing("ray"))
psutil = pytest.importorskip("psutil", reason="it comes with accelerate, of the extra demo")


@pytest.fixture
def models(monkeypatch):
    """The module of models, importable here and in the workers."""
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    import ray_fake

    yield ray_fake
    sys.modules.pop("ray_fake", None)


def executor(opener, subject, workers=2):
    return RayExecutor(opener, subject, workers, 1, deadline=60.0)


def test_workers_that_die_cost_nothing_but_the_culprit(fake, tmp_path, models, ray_cluster):
    """Equal to the last bit, though each answer depends on who shared its batch."""
    undisturbed = fake.audit(tmp_path / "here", fake.FakeAdapter()).outputs
    adapter = models.Mortal(tmp_path)
    ray = executor(partial(models.Mortal, tmp_path), adapter.subject)
    found = fake.audit(tmp_path / "there", adapter, executor=ray).outputs
    assert adapter.batches == [], "nothing is answered in this process"
    assert (tmp_path / "killed-once").exists()
    assert len(list(tmp_path.glob("worker-*"))) >= 4, "one died over 7, three over 9, each another process"
    culprits = {sha for sha in found if found[sha].error != undisturbed[sha].error}
    assert {fake.questions().requests[sha].text.split(" x")[0] for sha in culprits} == {"question 9"}
    assert {found[sha].error for sha in culprits} == {"MeasurementError: the worker died whenever it was asked"}
    batch = {sha for sha in found if found[sha] != undisturbed[sha]}
    assert culprits <= batch
    assert len(batch) <= 5, "its batch was asked request by request"
    for sha in batch - culprits:
        assert found[sha].answer.options[0].sum == pytest.approx(undisturbed[sha].answer.options[0].sum, abs=1e-9)


@pytest.mark.parametrize(
    ("opener", "error", "message"),
    [("other", ModelError, "a worker opened another model"), ("broken", MeasurementError, "no such weights")],
)
def test_a_model_that_workers_cannot_open_is_one_clear_line(
    fake, tmp_path, models, ray_cluster, opener, error, message
):
    ray = executor(getattr(models, opener), fake.FakeAdapter().subject, workers=1)
    with pytest.raises(error, match=message) as caught:
        fake.audit(tmp_path, fake.FakeAdapter(), executor=ray)
    assert "\n" not in str(caught.value)


def test_a_cluster_of_its_own_is_local_secret_and_leaves_nothing(fake, tmp_path, models, monkeypatch):
    """And when the process that talks to it dies, another one takes over and asks only what is open."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    seen = {"addresses": set(), "killed": 0}

    def watch():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not seen["killed"]:
            time.sleep(0.2)
            journal = tmp_path / "there" / "journal.jsonl"
            if not journal.exists() or journal.read_bytes().count(b'"kind":"output"') < 4:
                continue
            for child in psutil.Process().children():
                if "auditkit.run.driver" in " ".join(child.cmdline()):
                    for one in (child, *child.children(recursive=True)):
                        seen["addresses"] |= {
                            each.laddr.ip for each in one.net_connections("inet") if each.status == "LISTEN"
                        }
                    child.kill()
                    seen["killed"] += 1

    thread = threading.Thread(target=watch)
    thread.start()
    adapter = models.Slow()
    found = fake.audit(tmp_path / "there", adapter, executor=executor(models.Slow, adapter.subject))
    thread.join()
    assert seen["killed"] == 1
    assert seen["addresses"]
    assert all((ipaddress.ip_address(one.removeprefix("::ffff:"))).is_loopback for one in seen["addresses"])
    assert found.outputs == fake.audit(tmp_path / "here", fake.FakeAdapter()).outputs
    lines = (tmp_path / "there" / "journal.jsonl").read_bytes()
    assert lines.count(b'"kind":"output"') == len(found.outputs), "no answer is journalled twice"
    assert not (tmp_path / ".ray").exists(), "no token file"
    deadline = time.monotonic() + 20
    while any("auditkit-ray" in " ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])):
        assert time.monotonic() < deadline, "Ray's processes live on"
        time.sleep(0.2)
