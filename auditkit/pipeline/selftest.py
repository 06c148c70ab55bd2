"""The self-test of packs, outside any audit."""

from __future__ import annotations

from collections.abc import Sequence

from auditkit.load.packs import built_in_names, open_pack
from auditkit.load.requests import build
from auditkit.load.samples import read_samples
from auditkit.pipeline.steps.selftest import selftest
from auditkit.schema import SelfTestReading


def selftest_packs(names: Sequence[str], *, seed: int) -> list[SelfTestReading]:
    """Read every metric of packs on planted models, on all rows that a self-test takes.

    Args:
        names: pack names or folders; all built-in packs where empty.
        seed: seed of sampling and resampling.
    """
    readings = []
    for name in names or built_in_names():
        pack = open_pack(name)
        samples = read_samples(pack)
        requests = build(pack.card, pack.card.rules[0], samples)
        by_sample = {sample.id: request for sample, request in zip(samples, requests, strict=True)}
        readings += selftest(pack.card, samples, by_sample, seed=seed)
    return readings
