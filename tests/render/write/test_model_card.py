"""The model card says what there is to say, and shows every text as text."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import yaml

from auditkit.render.draw.curves import render as render_curves
from auditkit.render.write.model_card import render
from auditkit.schema import CurvePoint, Part, Recipe, Training

CURVE = tuple(
    point for epoch, loss in ((1, 0.9), (2, 0.4), (3, 0.6)) for point in (
        CurvePoint(epoch=epoch - 0.5, step=10 * epoch - 5, training_loss=1 / epoch),
        CurvePoint(epoch=epoch, step=10 * epoch, validation_loss=loss, validation_score=epoch / 4),
    )
)


def training(**changes: object) -> Training:
    fields = {
        "base": "org/base", "base_sha256": "b" * 64, "data": "rows.csv", "data_sha256": "d" * 64,
        "recipe": Recipe(task="classification", seed=17), "labels": ("neg", "pos"),
        "training": Part(rows=1000, clusters=990, labels={"neg": 995, "pos": 5}, truncated=3),
        "validation": Part(rows=100, clusters=99, labels={"neg": 99, "pos": 1}), "duplicates": 12, "contradictory": 2,
        "score": "accuracy", "curve": CURVE, "best_epoch": 2, "stopped_early": False, "majority": 0.99,
        "parameters": 1234567, "trained": 770, "weights_sha256": "f" * 64, "seconds": 12.5, "device": "cpu",
        "threads": 2,
    }
    return Training.model_validate(fields | changes)


def test_the_card_says_what_the_model_is_made_of() -> None:
    text = render(training(), "my-model").decode()
    front = yaml.safe_load(text.split("---")[1])
    assert front["base_model"] == "org/base"
    assert front["pipeline_tag"] == "text-classification"
    for part in ("d" * 64, "f" * 64, "1,000 rows in 990 clusters", "100 rows in 99 clusters", "1,234,567", "770", "17",
                 "3 of them cut", "epoch 2", "0.99", "more than one label: 2"):
        assert part in text
    assert "fewer than 10 examples: `pos`" in text
    assert "| 2 | 0.5 | 0.4 | 0.5 |" in text


def test_hostile_names_stay_text() -> None:
    name = "<script>|`x`\n---\n# Fine"
    made = training(base=name, data=name, labels=(name, "pos"), training=Part(rows=2, clusters=2, labels={name: 2}))
    text = render(made, "my-model").decode()
    body = text.split("\n---\n", 1)[1]
    assert "<script>" not in re.sub(r"(`+)[^\n]*?[^`]\1(?!`)", "", body)
    assert "\n# Fine" not in text
    assert yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))["base_model"] == name


def test_the_curves_are_a_drawing_with_words() -> None:
    root = ET.fromstring(render_curves(training()))
    spaces = {"s": "http://www.w3.org/2000/svg"}
    description = root.findtext("s:desc", namespaces=spaces)
    assert description == (
        "Validation loss from 0.9 to 0.6, accuracy from 0.25 to 0.75; the weights of epoch 2 were kept."
    )
    dots = root.findall(".//s:circle", spaces)
    assert len(dots) == 6
    heights = [float(dot.attrib["cy"]) for dot in dots]
    assert heights[0] < heights[2] < heights[1]  # losses .9, .6, .4 from the top
    assert heights[3] > heights[4] > heights[5]  # scores rise


def test_a_flat_and_a_single_point_curve_can_be_drawn() -> None:
    flat = tuple(CurvePoint(epoch=n, step=n, validation_loss=0.5, validation_score=1.0) for n in (1, 2))
    for points in (flat, flat[:1]):
        drawn = ET.fromstring(render_curves(training(curve=points, best_epoch=1)))
        dots = [each for each in drawn.iter() if each.tag.endswith("circle")]
        assert len(dots) == 2 * len(points)
        assert all(0 < float(dot.attrib["cx"]) < 2000 and 0 < float(dot.attrib["cy"]) < 2000 for dot in dots)


def test_the_record_is_read_back() -> None:
    made = training()
    assert Training.model_validate(json.loads(made.model_dump_json())) == made
