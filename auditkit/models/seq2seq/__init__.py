"""Encoder-decoders."""

from auditkit.models.families import Family

FAMILY = Family(
    name="seq2seq",
    description="encoder-decoder of text (T5, BART, Marian, M2M100 …): Hub id or directory (safetensors)",
    adapter="auditkit.models.seq2seq.adapter:Seq2SeqAdapter",
    auto_class="AutoModelForSeq2SeqLM",
    table="MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    order=10,
    peft_task="SEQ_2_SEQ_LM",
    encoder_decoder=True,
    reading="auditkit.models.seq2seq.reading:settle",
)
