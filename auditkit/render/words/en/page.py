"""The frame of the page."""

WORDS = {
    "title": "{verdict}: audit of {model}",
    "skip": "Skip to the report",
    "kicker": "auditkit report",
    "contents": "Contents",
    "footer":
        "Every number on this page carries n, an interval and a signature; everything that was not measured is "
        "listed. The page is a function of `audit.json`. It loads nothing and runs no script.",
    "footer.id":
        "Every number on this page carries n, an interval and a signature; everything that was not measured is "
        "listed. The page is a function of `audit.json`, whose id is {id}. It loads nothing and runs no script.",
    "broken_section": "The section {section} of {origin} could not be drawn: {problem}",
}
