//! Reads `/proc/meminfo` and lays those of several contenders side by side. Pure.
//!
//! The format is that of proc(5): `Name:   NUMBER kB`, or no unit for a count. The text comes from a guest, so lines
//! that are no such thing are passed over, and only so many are read.

/// More lines than any kernel has.
const MAX_FIELDS: usize = 256;

/// A line of `/proc/meminfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Name, without the colon.
    pub name: String,
    /// Number.
    pub value: u64,
    /// Whether the number counts kB (of 1024 bytes); else things.
    pub kib: bool,
}

/// One field of several contenders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Name.
    pub name: String,
    /// Whether the numbers count kB (of 1024 bytes).
    pub kib: bool,
    /// The contenders' values, in their order; none where the field or the whole file is missing.
    pub values: Vec<Option<u64>>,
}

impl Row {
    /// What a contender's value is above the first contender's.
    pub fn difference(&self, contender: usize) -> Option<i128> {
        let baseline = (*self.values.first()?)?;
        let value = (*self.values.get(contender)?)?;
        Some(i128::from(value).saturating_sub(baseline.into()))
    }
}

/// Reads a meminfo.
pub fn parse(text: &str) -> Vec<Field> {
    text.lines().filter_map(field).take(MAX_FIELDS).collect()
}

fn field(line: &str) -> Option<Field> {
    let (name, rest) = line.split_once(':')?;
    let mut words = rest.split_ascii_whitespace();
    let value = words.next()?.parse().ok()?;
    let kib = match words.next() {
        Some("kB") => true,
        Some(_) => return None,
        None => false,
    };
    let name = name.trim();
    let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_()".contains(c));
    (named && words.next().is_none()).then(|| Field { name: name.to_owned(), value, kib })
}

/// Lays meminfos side by side, in the order of the first; what only later ones have comes last.
pub fn compare(texts: &[Option<&str>]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (contender, text) in texts.iter().enumerate() {
        for field in parse(text.unwrap_or_default()) {
            let at = rows.iter().position(|row| row.name == field.name).unwrap_or_else(|| {
                rows.push(Row { name: field.name, kib: field.kib, values: vec![None; texts.len()] });
                rows.len().saturating_sub(1)
            });
            if let Some(cell) = rows.get_mut(at).and_then(|row| row.values.get_mut(contender)) {
                *cell = Some(field.value);
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::{Field, compare, parse};

    #[test]
    fn reads_kilobytes_and_counts_and_passes_over_the_rest() {
        let field = |name: &str, value, kib| Field { name: name.to_owned(), value, kib };
        let text = "MemTotal:        1012620 kB\nActive(anon):  1360 kB\r\nHugePages_Total:       0\n\
                    \nno colon 7 kB\nBad: x kB\nNegative: -1 kB\nUnit: 1 MB\nMore: 1 kB extra\n\x1b[31m: 5 kB\n";
        assert_eq!(
            parse(text),
            [field("MemTotal", 1012620, true), field("Active(anon)", 1360, true), field("HugePages_Total", 0, false)]
        );
        let endless: String = (0..10_000).map(|i| format!("F{i}: 1 kB\n")).collect();
        assert_eq!(parse(&endless).len(), super::MAX_FIELDS);
    }

    #[test]
    fn lays_side_by_side_what_either_has() {
        let rows = compare(&[Some("A: 1 kB\nB: 18446744073709551615\n"), Some("C: 3 kB\nB: 0\n"), None]);
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["A", "B", "C"]);
        assert_eq!(rows[0].values, [Some(1), None, None]);
        assert_eq!(rows[0].difference(1), None);
        assert_eq!(rows[1].difference(1), Some(-i128::from(u64::MAX)));
        assert_eq!(rows[1].difference(2), None);
        assert_eq!(rows[2].difference(1), None);
    }
}
