"""Every record type, configuration and policy included; their canonical form and hash."""

from auditkit.schema.answer import (
    Answer,
    AnswerPart,
    AnswerReading,
    FreeText,
    Number,
    OptionScore,
    OptionScores,
    Probabilities,
    Quantity,
    Similarities,
    SpanAnswer,
    Tags,
    Vector,
)
from auditkit.schema.attribution import Attribution
from auditkit.schema.audit import SCHEMA_VERSION, Audit, Efficiency, Evidence, Observed, Subject
from auditkit.schema.base import Fact, Record, Text, plain, repair
from auditkit.schema.benchmark import Benchmark, MetricUse, PlantedReading, Template, Upstream, UpstreamFile
from auditkit.schema.config import Api, Config, Explain
from auditkit.schema.declared import CROSSED, UNKNOWN, DeclaredMetric, DeclaredPart
from auditkit.schema.estimate import (
    Cited,
    Compound,
    Direction,
    Estimate,
    Exact,
    Fill,
    Guard,
    Reason,
    Score,
    Share,
    ShownOnly,
    Spread,
)
from auditkit.schema.estimate_id import Contrast, EstimateId
from auditkit.schema.finding import Cause, Finding, Harm, Parameters, SelfTestReading, SliceFinding, Status, Verdict
from auditkit.schema.jcs import canonical, digest
from auditkit.schema.output import Output
from auditkit.schema.policy import NOTHING, Check, PackChecks, Policy, Purpose, Severity, Waiver
from auditkit.schema.region import Region
from auditkit.schema.request import Generation, Option, Request, RequestKind
from auditkit.schema.rule import GENERIC, TWINS, Rule, RuleText
from auditkit.schema.sample import FORMAT, MARK, PLAUSIBILITY, Choice, Sample, Source, variant_name
from auditkit.schema.task import Task, TaskClass
from auditkit.schema.training import CurvePoint, Part, Recipe, Training, TrainingTask

__all__ = [
    "CROSSED", "FORMAT", "GENERIC", "MARK", "NOTHING", "PLAUSIBILITY", "SCHEMA_VERSION", "TWINS", "UNKNOWN", "Answer",
    "AnswerPart", "AnswerReading", "Api", "Attribution", "Audit", "Benchmark", "Cause", "Check", "Choice", "Cited",
    "Compound", "Config", "Contrast", "CurvePoint", "DeclaredMetric", "DeclaredPart", "Direction", "Efficiency",
    "Estimate", "EstimateId", "Evidence", "Exact", "Explain", "Fact", "Fill", "Finding", "FreeText", "Generation",
    "Guard", "Harm", "MetricUse", "Number", "Observed", "Option", "OptionScore", "OptionScores", "Output",
    "PackChecks", "Parameters", "Part", "PlantedReading", "Policy", "Probabilities", "Purpose", "Quantity", "Reason",
    "Recipe", "Record", "Region", "Request", "RequestKind", "Rule", "RuleText", "Sample", "Score", "SelfTestReading",
    "Severity", "Share", "ShownOnly", "Similarities", "SliceFinding", "Source", "SpanAnswer", "Spread", "Status",
    "Subject", "Tags", "Task", "TaskClass", "Template", "Text", "Training", "TrainingTask", "Upstream",
    "UpstreamFile", "Vector", "Verdict", "Waiver", "canonical", "digest", "plain", "repair", "variant_name",
]
