"""The findings as test cases."""

WORDS = {
    "message": "{title}: {reason}",
    "status": "Status: {status}; {severity}",
    "rule": "Rule: {rule}",
    "fact": "{name}: {text}",
    "slice": "Slice {part}: {status}; {value} {worst}",
    "evidence": "Evidence: {samples}",
}
