//! `-P` and `-L`: the values of a parameter, each of which becomes a contender.

use std::str::FromStr;

/// Most values of one parameter, and most combinations of several.
pub(super) const MOST: usize = 100;

/// A parameter and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    /// What stands in braces for it in a command.
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

/// A decimal number, as it was written: digits, and how many of them are behind the point.
#[derive(Clone, Copy)]
struct Decimal {
    digits: i64,
    places: u32,
}

impl FromStr for Decimal {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (whole, behind) = text.split_once('.').unwrap_or((text, ""));
        let plain = whole.strip_prefix('-').unwrap_or(whole).bytes().chain(behind.bytes());
        if !plain.clone().all(|byte| byte.is_ascii_digit()) || plain.count() == 0 {
            return Err(());
        }
        let places = u32::try_from(behind.len()).map_err(drop)?;
        Ok(Decimal { digits: format!("{whole}{behind}").parse().map_err(drop)?, places })
    }
}

impl Decimal {
    fn with_places(self, places: u32) -> Option<i64> {
        self.digits.checked_mul(10_i64.checked_pow(places.checked_sub(self.places)?)?)
    }
}

/// A number of so many hundredths, thousandths, ...
fn written(digits: i64, places: u32) -> String {
    let width = usize::try_from(places).unwrap_or(0);
    let sign = if digits < 0 { "-" } else { "" };
    let plain = format!("{:0>least$}", digits.unsigned_abs(), least = width.saturating_add(1));
    match plain.split_at_checked(plain.len().saturating_sub(width)) {
        Some((whole, behind)) if !behind.is_empty() => format!("{sign}{whole}.{behind}"),
        _ => format!("{sign}{plain}"),
    }
}

fn name(name: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    match !name.is_empty() && name.chars().all(good) {
        true => Ok(name.to_owned()),
        false => Err(format!("{name:?} is not a name of a parameter: take letters, digits, dashes and underscores")),
    }
}

impl Scan {
    /// The values from `least` to `most`, `step` apart.
    ///
    /// # Errors
    /// What is wrong, in a sentence without its end.
    pub(super) fn range(called: &str, least: &str, most: &str, step: Option<&str>) -> Result<Scan, String> {
        let number =
            |text: &str| text.parse::<Decimal>().map_err(|()| format!("{text:?} is not a number such as 8 or 0.5"));
        let (least, most, step) = (number(least)?, number(most)?, number(step.unwrap_or("1"))?);
        let places = least.places.max(most.places).max(step.places);
        let large = || "the numbers are too large".to_owned();
        let all = |number: Decimal| number.with_places(places).ok_or_else(large);
        let (from, to, step) = (all(least)?, all(most)?, all(step)?);
        if step <= 0 {
            return Err("the step must be above 0".to_owned());
        }
        if from > to {
            return Err("the first value is above the last one".to_owned());
        }
        let mut values = Vec::new();
        let mut value = from;
        while value <= to {
            if values.len() == MOST {
                return Err(format!("there are more than {MOST} values: choose a larger step (-D)"));
            }
            values.push(written(value, places));
            value = value.checked_add(step).ok_or_else(large)?;
        }
        Ok(Scan { name: name(called)?, values })
    }

    /// These values, separated by commas.
    ///
    /// # Errors
    /// What is wrong, in a sentence without its end.
    pub(super) fn list(called: &str, values: &str) -> Result<Scan, String> {
        let values: Vec<String> = values.split(',').map(str::to_owned).collect();
        if values.iter().any(|value| value.is_empty() || value.contains(char::is_whitespace)) {
            return Err("a value is empty or has a blank in it".to_owned());
        }
        if values.len() > MOST {
            return Err(format!("there are more than {MOST} values"));
        }
        Ok(Scan { name: name(called)?, values })
    }
}

/// Whether there are more combinations than anybody wants to boot.
pub(super) fn are_too_many(scans: &[Scan]) -> bool {
    scans.iter().fold(1_usize, |all, scan| all.saturating_mul(scan.values.len())) > MOST
}

/// Every combination of the values of these parameters, the last one changing first: `a=1 b=2`.
pub(super) fn combinations(scans: &[Scan]) -> Vec<Vec<(&str, &str)>> {
    scans.iter().fold(vec![Vec::new()], |before, scan| {
        let each = |chosen: &Vec<_>| -> Vec<Vec<_>> {
            let with = |value| [chosen.clone(), vec![(scan.name.as_str(), value)]].concat();
            scan.values.iter().map(|value| with(value.as_str())).collect()
        };
        before.iter().flat_map(each).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(least: &str, most: &str, step: Option<&str>) -> Result<Vec<String>, String> {
        Scan::range("x", least, most, step).map(|scan| scan.values)
    }

    #[test]
    fn values_are_written_as_they_were_given() {
        assert_eq!(range("1", "4", None).expect("in order"), ["1", "2", "3", "4"]);
        assert_eq!(range("0.5", "2", Some("0.5")).expect("in order"), ["0.5", "1.0", "1.5", "2.0"]);
        assert_eq!(range("-1", "1", None).expect("in order"), ["-1", "0", "1"]);
        assert_eq!(range("-0.5", "0", Some(".25")).expect("in order"), ["-0.50", "-0.25", "0.00"]);
        assert_eq!(range("1", "8", Some("3")).expect("in order"), ["1", "4", "7"]);
        assert_eq!(Scan::list("x", "a,b").expect("in order").values, ["a", "b"]);
    }

    #[test]
    fn what_cannot_be_scanned_is_refused() {
        for (least, most, step, said) in [
            ("a", "2", None, "\"a\" is not a number"),
            ("1", "2", Some("0"), "the step must be above 0"),
            ("1", "2", Some("-1"), "the step must be above 0"),
            ("3", "2", None, "the first value is above the last one"),
            ("1", "1000", None, "more than 100 values"),
            ("1", "99999999999999999999", None, "is not a number"),
            ("1.", "-", None, "\"-\" is not a number"),
            ("1", "9223372036854775807", Some("0.01"), "too large"),
        ] {
            let error = range(least, most, step).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
        assert!(Scan::list("x", "a,,b").is_err() && Scan::list("x y", "a").is_err() && Scan::list("", "a").is_err());
    }

    #[test]
    fn every_value_meets_every_other() {
        let scans = [Scan::list("a", "1,2").expect("a"), Scan::list("b", "x,y").expect("b")];
        let all = combinations(&scans);
        assert_eq!(all.first().expect("some"), &[("a", "1"), ("b", "x")]);
        assert_eq!((all.len(), all.get(1).expect("some")), (4, &vec![("a", "1"), ("b", "y")]));
        assert_eq!(combinations(&[]), [Vec::new()]);
        let ten = Scan::range("x", "1", "10", None).expect("in order");
        assert!(
            !are_too_many(&[ten.clone(), ten.clone()]) && are_too_many(&[ten.clone(), ten.clone(), scans[0].clone()])
        );
        assert!(are_too_many(&vec![ten; 100]), "no product overflows");
    }
}
