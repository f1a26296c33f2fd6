//! A line through points, by least squares.

/// What points come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    /// By how much the line rises for each unit to the right.
    pub slope: f64,
    /// Standard error of the slope, with n - 2 degrees of freedom.
    pub std_error: f64,
    /// By what the standard error of the line's height at 0 is larger than that of a mean: the slope had to be estimated.
    pub wider: f64,
}

impl Line {
    /// Through at least three points (x, y); None where fewer, or where all lie above each other.
    pub fn through(points: &[(f64, f64)]) -> Option<Line> {
        let count = points.len() as f64;
        if points.len() < 3 {
            return None;
        }
        let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|&(x, y)| of(x, y)).sum::<f64>();
        let (mean_x, mean_y) = (sum(&|x, _| x) / count, sum(&|_, y| y) / count);
        let squares = sum(&|x, _| (x - mean_x).powi(2));
        let slope = sum(&|x, y| (x - mean_x) * (y - mean_y)) / squares;
        let rest = sum(&|x, y| (y - mean_y - slope * (x - mean_x)).powi(2)) / (count - 2.0);
        let balance = 1.0 + count * mean_x.powi(2) / squares;
        let line =
            Line { slope, std_error: (rest / squares).sqrt(), wider: (balance * (count - 1.0) / (count - 2.0)).sqrt() };
        // Without a spread to the right the squares are zero, and nothing is a number.
        line.slope.is_finite().then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_textbook() {
        // By hand: x 0, 1, 2, 3; y 1, 3, 2, 5: slope 1.1, rest 2.7 / 2, squares 5.
        let line = Line::through(&[(0.0, 1.0), (1.0, 3.0), (2.0, 2.0), (3.0, 5.0)]).expect("a line");
        assert!((line.slope - 1.1).abs() < 1e-12 && (line.std_error - (1.35_f64 / 5.0).sqrt()).abs() < 1e-12);
        assert!((line.wider - (2.8_f64 * 1.5).sqrt()).abs() < 1e-12, "{}", line.wider);
        assert_eq!(Line::through(&[(1.0, 1.0), (1.0, 2.0), (1.0, 5.0)]), None);
        assert_eq!(Line::through(&[(0.0, 1.0), (1.0, 3.0)]), None);
    }
}
