//! A chart as a drawing that needs no script and no style, and as words for those who do not see it.

use crate::lang::{Lang, fill};

/// Units of the drawing; the page scales it.
const WIDTH: u64 = 320;
const HEIGHT: u64 = 96;
/// Bins that the words of a drawing name; the table beside it has all.
const MAX_SAID: usize = 12;

/// A bar of the drawing.
pub(super) struct Bar {
    pub x: u64,
    pub y: u64,
    pub width: u64,
    pub height: u64,
    pub label: String,
}

/// A chart.
pub(super) struct Drawing {
    pub bars: Vec<Bar>,
    pub width: u64,
    pub height: u64,
    pub alt: String,
}

impl Drawing {
    /// The bars of some counts, each with its label.
    pub fn new(lang: Lang, of: &str, pattern: &str, counts: &[(String, u64)]) -> Self {
        let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
        let each = (WIDTH / (counts.len() as u64).max(1)).max(2);
        let bars = (0u64..).zip(counts).map(|(at, (label, count))| {
            let scaled = u128::from(HEIGHT - 4) * u128::from(*count) / u128::from(most);
            // What is there is seen, however little.
            let height = u64::try_from(scaled).unwrap_or(HEIGHT).max(u64::from(*count > 0) * 2);
            Bar {
                x: at * each,
                y: HEIGHT - height,
                width: each - (each / 6).max(1),
                height,
                label: fill(lang.words().bin_rows, &[label, count]),
            }
        });
        let said = counts.iter().take(MAX_SAID).map(|(label, count)| format!("{label}: {count}"));
        let mut said = said.collect::<Vec<_>>().join(", ");
        if counts.len() > MAX_SAID {
            said.push('…');
        }
        let alt = match pattern.matches("{}").count() {
            2 => fill(pattern, &[&of, &said]),
            _ => fill(pattern, &[&said]),
        };
        Self {
            bars: bars.collect(),
            width: each * (counts.len() as u64).max(1),
            height: HEIGHT,
            alt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fit_the_drawing() {
        for count in [0, 1, 3, 32, 500] {
            let counts: Vec<_> = (0..count).map(|at| (at.to_string(), at * 1_000)).collect();
            let drawing = Drawing::new(Lang::English, "x", "{}: {}", &counts);
            assert_eq!(drawing.bars.len() as u64, count);
            for bar in &drawing.bars {
                assert!(bar.x + bar.width <= drawing.width, "{count}");
                assert_eq!(bar.y + bar.height, drawing.height);
                assert!(bar.width > 0);
            }
        }
        let huge = [("a".to_owned(), u64::MAX), ("b".to_owned(), 1), ("c".to_owned(), 0)];
        let drawing = Drawing::new(Lang::Chinese, "x", "{} 的柱状图：{}。", &huge);
        let heights: Vec<u64> = drawing.bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [92, 2, 0]);
        assert!(drawing.alt.starts_with("x 的柱状图：a: 1844"), "{}", drawing.alt);
    }
}
