"""All targets, by name."""

from __future__ import annotations

from . import models, reading
from .check import Target
from .inputs import edited

TARGETS = {
    target.name: target for target in (
        Target("yaml", lambda: edited(reading.yaml_seeds(), reading.YAML_WORDS), reading.read_configuration,
               reading.yaml_seeds),
        Target("card", reading.card_inputs, reading.read_card, lambda: reading.card_seeds()[:1]),
        Target("rows", reading.row_inputs, reading.read_rows, reading.row_seeds),
        Target("journal", reading.journal_inputs, reading.read_run, lambda: reading.journal_seeds()[:1]),
        Target("reply", reading.reply_inputs, reading.read_reply, reading.reply_seeds),
        Target("safetensors", models.weight_inputs, models.read_weights, models.weight_seeds),
        Target("model-files", models.file_inputs, models.read_files, models.file_seeds),
        Target("template", models.template_inputs, models.read_template, models.template_seeds),
    )
}
