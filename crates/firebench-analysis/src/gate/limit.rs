//! A limit as people write it: `real > +3%`, `user < -5%`, `sys > +0.1s`, `firecracker: real > +3%`.

use std::fmt;
use std::str::FromStr;

use firebench_model::metric::{Metric, Unit, names};
use firebench_stats::{Better, Scale, Standing};
use firebench_text as text;
use serde::{Serialize, Serializer};

/// How far a metric may move away from the baseline. `>` bounds how much more it may become, `<` how much less: which of the two is
/// a regression depends on the metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The contender that it holds for; every one where there is none.
    pub contender: Option<String>,
    /// The metric, which need not be one that is compared.
    pub metric: String,
    /// Zero or more for `>`, below zero for `<`.
    amount: f64,
    /// What the amount is in: none for percent.
    unit: Option<Unit>,
}

impl Limit {
    /// As [`Judgement::beyond`](firebench_stats::Judgement::beyond) takes it: relative (0.03 is 3% more), or in the metric's unit.
    pub fn bound(&self) -> f64 {
        if self.unit.is_some() { self.amount } else { self.amount / 100.0 }
    }

    /// What it limits: a ratio, or a difference.
    pub fn scale(&self) -> Scale {
        if self.unit.is_some() { Scale::Raw } else { Scale::Ratio }
    }

    /// Whether it holds for a metric of a contender.
    pub fn applies(&self, contender: &str, metric: &str) -> bool {
        self.metric == metric && self.contender.as_deref().is_none_or(|name| name == contender)
    }

    /// Whether it forbids that a contender becomes worse in the metric, or that it becomes better.
    pub fn forbids(&self, metric: &Metric) -> Standing {
        match (self.amount < 0.0, metric.better) {
            (true, Better::Less) | (false, Better::More) => Standing::Better,
            (false, Better::Less) | (true, Better::More) => Standing::Worse,
        }
    }

    /// Whether the metric is compared in the unit of the limit.
    ///
    /// # Errors
    /// [`LimitError`] that shows the unit.
    pub fn check(&self, metric: &Metric) -> Result<(), LimitError> {
        let name = &metric.name;
        let wrong = match (metric.scale, &self.unit) {
            (Scale::Ratio, None) => return Ok(()),
            (Scale::Raw, Some(unit)) if Some(unit) == metric.unit.as_ref() => return Ok(()),
            (Scale::Ratio, Some(_)) => format!("% is expected here: {name} is compared by ratio"),
            (Scale::Raw, _) => {
                let unit = match metric.sign() {
                    "s" => "s or ms",
                    "" => "nothing",
                    sign => sign,
                };
                format!("{unit} is expected here: {name} can be zero, and is compared by difference")
            }
        };
        let text = self.to_string();
        let column = text.chars().count().saturating_sub(self.sign().chars().count());
        Err(LimitError { text, column, wrong })
    }

    /// The sign of its unit.
    fn sign(&self) -> &str {
        self.unit.as_ref().map_or("%", Unit::sign)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(contender) = &self.contender {
            write!(f, "{contender}: ")?;
        }
        let sign = if self.amount < 0.0 { '<' } else { '>' };
        write!(f, "{} {sign} {:+}{}", self.metric, self.amount, self.sign())
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Text that is no limit. Displays what is wrong, the text, and a mark under the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{wrong}\n\n    {text}\n    {:>width$}", "^", text = text::line(text), width = column.saturating_add(1))]
#[diagnostic(help("write it like 'real > +3%', 'user < -5%', 'sys > +0.1s' or 'firecracker: real > +3%'"))]
pub struct LimitError {
    /// What was given.
    pub text: String,
    /// The place, in characters from 0.
    pub column: usize,
    /// What is wrong there.
    pub wrong: String,
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = Rest { text, at: 0 };
        // A contender's name may hold anything, what follows it no colon.
        let contender = match text.rsplit_once(':') {
            Some((name, _)) if name.trim().is_empty() => {
                return Err(rest.wrong("there is no contender before the colon"));
            }
            Some((name, _)) => {
                rest.at = name.len().saturating_add(1);
                Some(name.trim().to_owned())
            }
            None => None,
        };
        let place = rest.skip_blanks();
        let metric = rest.take(|c| c.is_alphanumeric() || "_-./".contains(c));
        if !metric.starts_with(char::is_alphabetic) {
            return Err(place.wrong("the name of a metric is expected here"));
        }
        let place = rest.skip_blanks();
        let above = match rest.take(|c| matches!(c, '<' | '>' | '=')) {
            ">" => true,
            "<" => false,
            _ => return Err(place.wrong("> or < is expected here")),
        };
        let place = rest.skip_blanks();
        let sign = rest.take(|c| matches!(c, '+' | '-'));
        let digits = rest.take(|c| c.is_ascii_digit() || c == '.');
        let amount = match (sign, digits.parse::<f64>()) {
            ("" | "+", Ok(amount)) if amount.is_finite() => amount,
            ("-", Ok(amount)) if amount.is_finite() => -amount,
            _ => return Err(place.wrong("a number is expected here")),
        };
        let unit_place = rest.skip_blanks();
        let (amount, unit) = match rest.take(|c| !c.is_whitespace()) {
            "" => {
                return Err(unit_place
                    .wrong("% is expected here, or the unit of a metric that is compared by difference, such as s"));
            }
            "%" => (amount, None),
            "ms" => (amount / 1000.0, Some(Unit::SECONDS)),
            sign => (amount, Some(names::unit(sign))),
        };
        let end = rest.skip_blanks();
        if end.at < text.len() {
            return Err(end.wrong("nothing is expected here"));
        }
        match (above, amount) {
            (true, amount) if amount < 0.0 => Err(place.wrong("> takes a number that is not below zero")),
            (false, amount) if amount >= 0.0 => Err(place.wrong("< takes a number below zero")),
            (false, amount) if amount <= -100.0 && unit.is_none() => {
                Err(place.wrong("nothing can fall by 100% or more"))
            }
            // Without a minus sign on a zero.
            (_, amount) => Ok(Limit { contender, metric: metric.to_owned(), amount: amount + 0.0, unit }),
        }
    }
}

/// The part of a text that has not been read.
#[derive(Clone, Copy)]
struct Rest<'a> {
    text: &'a str,
    /// In bytes, at a character's start.
    at: usize,
}

impl<'a> Rest<'a> {
    /// Reads what `wanted` accepts.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let taken = rest.find(|c| !wanted(c)).and_then(|end| rest.get(..end)).unwrap_or(rest);
        self.at = self.at.saturating_add(taken.len());
        taken
    }

    /// Reads blanks, and returns the place behind them.
    fn skip_blanks(&mut self) -> Self {
        self.take(char::is_whitespace);
        *self
    }

    fn wrong(self, wrong: impl Into<String>) -> LimitError {
        let column = self.text.get(..self.at).unwrap_or_default().chars().count();
        LimitError { text: self.text.to_owned(), column, wrong: wrong.into() }
    }
}

#[cfg(test)]
mod tests {
    use firebench_stats::{Better, Standing};

    use super::Limit;
    use firebench_model::metric::{self, Metric};

    fn limit(text: &str) -> Limit {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn reads_and_writes() {
        for (text, written, bound) in [
            ("real > +3%", "real > +3%", 0.03),
            ("real>3%", "real > +3%", 0.03),
            ("  user <  -5 % ", "user < -5%", -0.05),
            ("sys > +0.1s", "sys > +0.1s", 0.1),
            ("sys < -15ms", "sys < -0.015s", -0.015),
            ("real > 0%", "real > +0%", 0.0),
            ("real > -0%", "real > +0%", 0.0),
            ("real > .5%", "real > +0.5%", 0.005),
            ("firecracker: real > +3%", "firecracker: real > +3%", 0.03),
            ("a: b :real > 250%", "a: b: real > +250%", 2.5),
        ] {
            let limit = limit(text);
            assert_eq!((limit.to_string().as_str(), limit.bound()), (written, bound), "{text}");
            assert_eq!(written.parse(), Ok(limit));
        }
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        for (text, column, wrong) in [
            ("", 0, "a metric is expected"),
            ("> 3%", 0, "the name of a metric"),
            (": real > 3%", 0, "no contender"),
            ("é: 1 > 3%", 3, "a metric is expected"),
            ("real", 4, "> or <"),
            ("real >= 3%", 5, "> or <"),
            ("real > x", 7, "a number"),
            ("real > 1.2.3%", 7, "a number"),
            ("real > --3%", 7, "a number"),
            (&format!("real > {}%", "9".repeat(400)), 7, "a number"),
            ("real > 3", 8, "% is expected"),
            ("real > 3% or so", 10, "nothing is expected"),
            ("real > -3%", 7, "not below zero"),
            ("real < 3%", 7, "below zero"),
            ("real < 0%", 7, "below zero"),
            ("real < -100%", 7, "100%"),
        ] {
            let error = text.parse::<Limit>().expect_err(text);
            assert_eq!(error.column, column, "{text}: {error}");
            assert!(error.wrong.contains(wrong), "{text}: {error}");
        }
        let error = "real > \u{1b}3%".parse::<Limit>().expect_err("an escape sequence");
        assert_eq!(error.to_string(), "a number is expected here\n\n    real > \u{fffd}3%\n           ^");
    }

    #[test]
    fn a_limit_is_in_the_unit_in_which_its_metric_is_compared() {
        let metric = |name: &str| metric::find(&metric::OF_A_COMMAND, name).expect("a metric").clone();
        for (text, name) in [("real > 3%", "real"), ("sys > 3s", "sys"), ("sys < -3ms", "sys")] {
            assert_eq!(limit(text).check(&metric(name)), Ok(()), "{text}");
        }
        for (text, name, column, wrong) in [
            ("real > 3s", "real", 9, "% is expected here: real is compared by ratio"),
            ("sys > 3%", "sys", 8, "s or ms is expected here: sys can be zero, and is compared by difference"),
            ("sys > 3MB", "sys", 8, "s or ms is expected here"),
        ] {
            let error = limit(text).check(&metric(name)).expect_err(text);
            assert_eq!(error.column, column, "{error}");
            assert!(error.wrong.contains(wrong), "{error}");
        }
    }

    #[test]
    fn what_a_limit_forbids_depends_on_what_is_better() {
        let times = metric::OF_A_COMMAND[0].clone();
        let rates = Metric { better: Better::More, ..times.clone() };
        for (text, of_times, of_rates) in [
            ("real > 3%", Standing::Worse, Standing::Better),
            ("real > 0%", Standing::Worse, Standing::Better),
            ("real < -3%", Standing::Better, Standing::Worse),
        ] {
            assert_eq!((limit(text).forbids(&times), limit(text).forbids(&rates)), (of_times, of_rates), "{text}");
        }
    }

    #[test]
    fn limits_hold_for_one_contender_or_all() {
        assert!(limit("real > 3%").applies("anyone", "real"));
        assert!(!limit("real > 3%").applies("anyone", "user"));
        assert!(limit("a: real > 3%").applies("a", "real"));
        assert!(!limit("a: real > 3%").applies("b", "real"));
    }
}
