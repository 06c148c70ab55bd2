"""Encoders: masked models, classifiers, taggers, span question answering, sentence encoders."""

from auditkit.models.families import Family

MASKED = Family(
    name="masked",
    description="masked language model: Hub id or directory (safetensors)",
    adapter="auditkit.models.encoders.masked:MaskedAdapter",
    auto_class="AutoModelForMaskedLM",
    suffix="ForMaskedLM",
    table="MODEL_FOR_MASKED_LM_MAPPING_NAMES",
    order=50,
)
CLASSIFIER = Family(
    name="classifier",
    description="sequence classifier or regression, of texts and pairs: Hub id or directory (safetensors)",
    adapter="auditkit.models.encoders.classifier:ClassifierAdapter",
    auto_class="AutoModelForSequenceClassification",
    suffix="ForSequenceClassification",
    table="MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
    order=20,
    peft_task="SEQ_CLS",
)
TAGGER = Family(
    name="tagger",
    description="token classifier, such as named entities: Hub id or directory (safetensors)",
    adapter="auditkit.models.encoders.tagger:TaggerAdapter",
    auto_class="AutoModelForTokenClassification",
    suffix="ForTokenClassification",
    table="MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES",
    order=30,
    peft_task="TOKEN_CLS",
    reading="auditkit.models.encoders.tagger:settle",
)
SPAN = Family(
    name="span",
    description="extractive question answering: Hub id or directory (safetensors)",
    adapter="auditkit.models.encoders.span:SpanAdapter",
    auto_class="AutoModelForQuestionAnswering",
    suffix="ForQuestionAnswering",
    table="MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES",
    order=40,
    peft_task="QUESTION_ANS",
    reading="auditkit.models.encoders.span:settle",
)
EMBEDDER = Family(
    name="embedder",
    description="sentence encoder: Hub id or directory (safetensors)",
    adapter="auditkit.models.encoders.embedder:EmbedderAdapter",
    auto_class="AutoModel",
    signs="auditkit.models.encoders.pooling:is_sentence_encoder",
    otherwise="auditkit.models.encoders.pooling:is_bare_encoder",
    order=70,
    peft_task="FEATURE_EXTRACTION",
    # what is read is the last layer, never what a pooler makes of it
    unread=("pooler.",),
    reading="auditkit.models.encoders.pooling:settle",
)
