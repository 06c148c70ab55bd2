"""Why a finding has its status: a sentence a cause, and what may follow it."""

WORDS = {
    "cleared": "The whole worst-case interval {worst} lies inside the limit ({limit}).",
    "missed": "The whole worst-case interval {worst} lies outside the limit ({limit}).",
    "straddles": "The worst-case interval {worst} reaches across the limit ({limit}), so the data do not decide.",
    "too_few_samples": "Scored samples: {n}; the check asks for at least {min_samples}.",
    "too_few_clusters":
        "Independent clusters among the scored samples: {independent}; the check asks for at least {min_clusters}.",
    "unequal_clusters": "{clusters}, which tell as much as {effective} of equal size",
    "too_many_unscored": "{unscored_share} of the samples have no score; the check allows at most {max_unscored}.",
    "undefined":
        "The value is undefined: no scored sample lies inside its denominator. Had the unscored samples been "
        "scored, it could lie anywhere in {worst}.",
    "shown_only": "The interval {worst} is shown and decides nothing: {shown_only}.",
    "shown_only.few_effective_clusters":
        "below 20 effective clusters no interval of such a statistic was seen to hold its error",
    "shown_only.crossed_factors":
        "its samples lie in clusters by two factors, for which no method was seen to hold its error",
    "shown_only.not_simulated": "for this statistic no simulation has shown that the method holds its error",
    "selftest":
        "The metric misread planted models whose behaviour is known ({selftest}), so its number decides nothing.",
    "guard":
        "The model does not show that it can do the task: the lower limit of {guard_metric} is {guard_low}, which"
        " is not above {guard_bound}. A pass is withheld.",
    "holm":
        "On its own the check would fail; after Holm’s correction for {family} blocking checks, each slice counted, it "
        "does not, so it stays undecided.",
    "withheld":
        "The whole worst-case interval {worst} lies outside the limit ({limit}). Answers that are missing are no "
        "failure by themselves, but a pass is withheld.",
    "no_selftest":
        "No planted model was read by this metric on these rows, so nothing shows that its number means anything.",
    "not_sampled": "No row of it was among those asked (--limit, --size), so nothing is known of it.",
    "other_rows": "The check is about other rows than those that were audited (sha256 {rows}…).",
    "left_out": "The audit left this out, so it was not run.",
    "slices": "Judged on each of {n} slices ({keys}): {tally}.",
    "worst_slice": "The worst is {part}: {reason}",
    "harm": "The largest harm that is not excluded: {harm} ({part}).",
    "no_estimate": "The policy asks for an estimate that this audit does not hold: {target}.",
    "errored": "{errored} of {total} samples errored or were not run; the check allows at most {max_errored}.",
    "not_applicable": "This model cannot answer the requests of this benchmark.",
    "waived": "The worst-case interval {worst} does not lie inside the limit ({limit}); {owner} accepted that.",
    "waived_until":
        "The worst-case interval {worst} does not lie inside the limit ({limit}); {owner} accepted that up to a "
        "bound of {accepted_bound} until {expires}, because: {waiver_reason}.",
    "scorer": "The error rates of the scorer that reads the answers are not known well enough to decide.",
    "more_samples":
        "About {n_to_decide} samples would decide it, at the same value and the same share of unscored ones.",
    "no_samples":
        "No number of samples would decide it: what the unscored samples leave open reaches across the limit.",
    "largest_family": "It would have failed in a family of up to {largest_family} checks.",
    "unknown.number": "an unknown number of",
    "unknown.share": "An unknown share",
    "unknown.guard": "its guard",
    "unknown.owner": "an unnamed owner",
    "unknown.shown_only": "its method was not seen to hold its error for such data",
    "unknown.selftest": "see the self-test",
}
