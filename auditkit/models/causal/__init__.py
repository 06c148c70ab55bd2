"""Decoder language models."""

from auditkit.models.families import Family

FAMILY = Family(
    name="causal",
    description="causal language model: Hub id or directory (safetensors), or a GGUF file",
    adapter="auditkit.models.causal.adapter:CausalAdapter",
    auto_class="AutoModelForCausalLM",
    suffix="ForCausalLM",
    table="MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    otherwise="auditkit.models.causal.reading:is_decoder",
    order=60,
    peft_task="CAUSAL_LM",
    reading="auditkit.models.causal.reading:settle",
)
