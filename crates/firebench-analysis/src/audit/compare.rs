//! Two contenders held against each other.

use std::collections::BTreeSet;

use firebench_vmm::VmmKind;

use crate::facts::{self, AuditedContender, Rank, Read, Seen, VMM, Value, Values};

/// A fact that two contenders do not share.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Its name.
    pub fact: &'static str,
    /// What it means.
    pub rank: Rank,
    /// Why, in a sentence without its end.
    pub why: &'static str,
    /// The fact of which it is a consequence: of one that differs too, or of the VMM.
    pub follows: Option<&'static str>,
    /// What the two are.
    pub values: Values,
}

/// What a comparison of two contenders is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fairness {
    /// Nothing that matters differs, the VMM's executable included: an A/A comparison.
    Alike,
    /// One thing differs that matters, and what follows from it: that is what is compared.
    One(&'static str),
    /// Several things differ that may explain a difference, and none that voids the comparison.
    Several,
    /// Several things differ, and one of them alone voids a comparison of the others.
    Void,
    /// One of the two had no good boot: nothing of it was seen, and what was planned proves nothing.
    Unseen,
}

/// A contender against a baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct PairAudit {
    /// The baseline's name.
    pub baseline: String,
    /// The other one's name.
    pub contender: String,
    /// What differs of the VMM itself, which is what is compared; none where it is the same executable.
    pub subject: Option<String>,
    /// What of the two is compared.
    pub compared: Compared,
    /// What else differs, the weighty ones first.
    pub findings: Vec<Finding>,
    /// What it is worth.
    pub fairness: Fairness,
    /// Those of the two whose guests told nothing of themselves: only their launches were compared.
    pub silent: Vec<String>,
    /// Those of the two that had no good boot.
    pub unseen: Vec<String>,
    /// What one of the two did not tell of itself and the other one did, with its name.
    pub untold: Vec<(String, Vec<String>)>,
}

/// What of two contenders is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Two VMMs, or two of one kind, whichever that is.
    Vmms,
    /// A VM with the bare host.
    Vm,
    /// Two ways of isolation, one of which at least is no VMM.
    Isolation,
}

impl Compared {
    fn of(one: VmmKind, other: VmmKind) -> Compared {
        let is_vmm = |kind: VmmKind| kind.boots_a_guest() && !kind.is_native();
        match (is_vmm(one), is_vmm(other)) {
            (true, true) => Compared::Vmms,
            // What differs between two of one kind does not come with the kind.
            _ if one == other => Compared::Vmms,
            (true, false) if other.is_host() => Compared::Vm,
            (false, true) if one.is_host() => Compared::Vm,
            _ => Compared::Isolation,
        }
    }

    /// Whether a fact is what the two are, and nothing that could be set: what is seen from inside of an isolation that has no
    /// settings.
    fn makes(self, seen: &Seen) -> bool {
        let inside = matches!(seen.read, Read::Guest(_) | Read::Words(_) | Read::Number(..) | Read::Block(_));
        self == Compared::Isolation && inside
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Compared::Vmms => "the VMM",
            Compared::Vm => "the VM",
            Compared::Isolation => "the isolation",
        }
    }
}

/// The fact that is a difference on purpose, and known to the reader.
const HANDICAP: &str = "handicap";

impl PairAudit {
    /// Why the two do not compare like with like: what voids the comparison and follows from nothing else. A handicap does not:
    /// whoever gave it wants to see it.
    pub fn unlike(&self) -> Vec<String> {
        let roots = self.of_rank(Rank::Voids).filter(|finding| finding.follows.is_none() && finding.fact != HANDICAP);
        roots.map(|finding| finding.fact.to_owned()).collect()
    }

    /// What differs of itself and matters, the VMM aside.
    pub fn causes(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.rank > Rank::Harmless && finding.follows.is_none())
    }

    /// The findings of a rank.
    pub fn of_rank(&self, rank: Rank) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.rank == rank)
    }
}

/// Holds a contender against a baseline, which may be of another run.
pub fn between(baseline: &AuditedContender, contender: &AuditedContender) -> PairAudit {
    let subject = subject(baseline, contender);
    let compared = Compared::of(baseline.contender.vmm, contender.contender.vmm);
    let unseen: Vec<String> =
        [baseline, contender].into_iter().filter(|s| !s.seen).map(|s| s.contender.name.clone()).collect();
    let facts = facts::seen().filter(|_| unseen.is_empty());
    let mut findings: Vec<Finding> =
        facts.filter_map(|(name, seen)| finding(name, seen, baseline, contender)).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
    let differing: BTreeSet<&str> =
        findings.iter().filter(|finding| finding.rank > Rank::Harmless).map(|finding| finding.fact).collect();
    for finding in &mut findings {
        let seen = facts::seen().find(|(name, _)| *name == finding.fact);
        let causes = seen.map(|(_, seen)| seen.follows).unwrap_or_default();
        let inherent = seen.filter(|(_, seen)| compared.makes(seen)).map(|_| &VMM);
        finding.follows = causes.iter().chain(inherent).copied().find(|&cause| match cause {
            VMM => subject.is_some(),
            cause => differing.contains(cause),
        });
    }
    let silent = [baseline, contender].into_iter().filter(|s| s.seen && s.guest.is_none());
    PairAudit {
        baseline: baseline.contender.name.clone(),
        contender: contender.contender.name.clone(),
        compared,
        untold: untold(baseline, contender),
        fairness: if unseen.is_empty() { fairness(subject.is_some(), &findings) } else { Fairness::Unseen },
        silent: silent.map(|s| s.contender.name.clone()).collect(),
        subject,
        findings,
        unseen,
    }
}

/// The weighty facts of which one of the two alone told.
fn untold(a: &AuditedContender, b: &AuditedContender) -> Vec<(String, Vec<String>)> {
    if [a, b].iter().any(|subject| !subject.seen || subject.guest.is_none()) {
        return Vec::new();
    }
    let inside = facts::seen().filter(|(_, seen)| {
        matches!(seen.read, Read::Guest(_) | Read::Words(_))
            && rank(seen, a, b).is_some_and(|rank| rank > Rank::Harmless)
    });
    let mut missing: [Vec<String>; 2] = Default::default();
    for (name, seen) in inside {
        match (seen.of(a), seen.of(b), &mut missing) {
            (None, Some(_), [of_a, _]) => of_a.push(name.to_owned()),
            (Some(_), None, [_, of_b]) => of_b.push(name.to_owned()),
            _ => {}
        }
    }
    let named = [a, b].map(|subject| subject.contender.name.clone()).into_iter().zip(missing);
    named.filter(|(_, facts)| !facts.is_empty()).collect()
}

/// What a difference in a fact means between the two. What they are voids nothing.
fn rank(seen: &Seen, a: &AuditedContender, b: &AuditedContender) -> Option<Rank> {
    let rank = if a.is_guestless() == b.is_guestless() { Some(seen.rank) } else { seen.beside_host };
    let made = Compared::of(a.contender.vmm, b.contender.vmm).makes(seen);
    let least = if seen.in_boots.is_some() && a.report.measures_boots() { Rank::Explains } else { Rank::Harmless };
    rank.map(|rank| if made { rank.min(Rank::Explains) } else { rank }.max(least))
}

/// `qemu 10.0.2 and firecracker 1.12.1`, if these are two things.
fn subject(a: &AuditedContender, b: &AuditedContender) -> Option<String> {
    let (one, other) = (a.contender, b.contender);
    let name = |s: &AuditedContender| match s.contender.vmm.is_host() {
        true => "the bare host".to_owned(),
        false => format!("{} {}", s.contender.vmm, s.contender.version),
    };
    match (one.vmm == other.vmm, one.sha256 == other.sha256) {
        (true, _) if one.vmm.is_host() => None,
        (true, true) => None,
        (true, false) if one.version == other.version => Some(format!("two executables of {}", name(a))),
        _ => Some(format!("{} and {}", name(a), name(b))),
    }
}

fn finding(fact: &'static str, seen: &Seen, a: &AuditedContender, b: &AuditedContender) -> Option<Finding> {
    let rank = rank(seen, a, b)?;
    if let Read::Pair(read) = seen.read {
        return read(a, b).map(|values| Finding { fact, rank, why: seen.why(a.report), follows: None, values });
    }
    let (one, other) = (seen.of(a)?, seen.of(b)?);
    let (rank, values) = match (&one, &other) {
        (Value::Words(one), Value::Words(other)) => {
            let only = [without(one, other), without(other, one)];
            (only.iter().any(|words| !words.is_empty()).then_some(rank)?, Values::Only(only))
        }
        (Value::Number(x), Value::Number(y)) => {
            let small = match seen.read {
                Read::Number(_, _, within) => Some(within).filter(|w| (x - y).abs() <= w.share * x.max(*y)),
                _ => None,
            };
            let rank = if x == y { None } else { small.map_or(Some(rank), |within| within.rank) };
            (rank?, Values::Texts([seen.write(&one), seen.write(&other)]))
        }
        _ if one == other => return None,
        _ => (rank, Values::Texts([seen.write(&one), seen.write(&other)])),
    };
    Some(Finding { fact, rank, why: seen.why(a.report), follows: None, values })
}

/// The words that `others` lack, each once.
fn without(words: &[String], others: &[String]) -> Vec<String> {
    let mut seen: BTreeSet<&String> = others.iter().collect();
    words.iter().filter(|word| seen.insert(word)).cloned().collect()
}

fn fairness(vmm_differs: bool, findings: &[Finding]) -> Fairness {
    let weighty = || findings.iter().filter(|finding| finding.rank > Rank::Harmless);
    let mut roots: Vec<&'static str> =
        weighty().filter(|finding| finding.follows.is_none()).map(|finding| finding.fact).collect();
    if vmm_differs {
        roots.insert(0, VMM);
    }
    match roots.as_slice() {
        [] => Fairness::Alike,
        [one] => Fairness::One(one),
        _ if weighty().any(|finding| finding.rank == Rank::Voids) => Fairness::Void,
        _ => Fairness::Several,
    }
}
