"""What no check judges."""

WORDS = {
    "no_group": "{benchmark}: {n} of {total} rows name no {axis}; they are shown as a group and not compared",
    "small_group": "{group} ({n})",
    "small_groups":
        "{benchmark}: groups of {axis} with fewer than {least} rows are shown and not compared (smallest_group): "
        "{groups}",
    "unrated":
        "{benchmark}: error rates of {n} of {total} classes, the rarest (positive names those that matter): {classes}",
    "crossing": "{benchmark}: {axis}: too many groups to be crossed",
    "more_groups": "and {n} more",
    "unlabelled": "{estimate}: {n} rows without a label, judged in no slice",
    "more_unlabelled": "… and {n} more parts of rows without a label",
    "checks_not_run.one": "{pack}: {n} check not run: {reason}",
    "checks_not_run.other": "{pack}: {n} checks not run: {reason}",
    "not_named": "the audit does not name the pack, or not this part of it",
    "untested": "no self-test: {estimates} may not gate",
}
