//! Lines over k as a picture that the server draws: places in an SVG, which the page's template writes.
//! Colours are the style sheet's. Depends on nothing but how texts are filled.

use galen_web::lang::fill;

/// The picture's size, and the room for its axes.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;

/// Shares from 0 to 1 at every k; none where k cannot be reached.
pub(super) struct Line {
    pub name: &'static str,
    /// The style sheet's name for it.
    pub class: &'static str,
    pub values: Vec<Option<f64>>,
}

/// A picture.
pub(super) struct Chart {
    pub width: f64,
    pub height: f64,
    pub left: f64,
    pub right: f64,
    /// Place and words of what stands below.
    pub ks: Vec<(String, u64)>,
    /// Place and words of what stands at the left.
    pub ticks: Vec<(String, String)>,
    pub lines: Vec<Drawn>,
}

/// A line in the picture.
pub(super) struct Drawn {
    pub name: &'static str,
    pub class: &'static str,
    pub path: String,
    /// Places, and what is said of each.
    pub dots: Vec<(String, String, String)>,
}

fn place(number: f64) -> String {
    format!("{number:.1}")
}

impl Chart {
    /// `at_k` says what a dot means: of which line, at which k, how many per cent.
    pub fn new(ks: Vec<u64>, lines: &[Line], at_k: &str) -> Self {
        let step = (WIDTH - LEFT - RIGHT) / ks.len().max(1) as f64;
        // k by k at even distances: on a scale of its own most of them would stand in one corner.
        let x = |at: usize| LEFT + step * (at as f64 + 0.5);
        let y = |share: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share.clamp(0.0, 1.0));
        let ticks = [0u32, 25, 50, 75, 100];
        let drawn = lines.iter().map(|line| {
            let there = || {
                let values = line.values.iter().enumerate();
                values.filter_map(|(at, value)| value.map(|share| (at, share)))
            };
            let mut path = String::new();
            for (at, share) in there() {
                let begins = at == 0 || line.values.get(at - 1).copied().flatten().is_none();
                path.push_str(if begins { "M" } else { "L" });
                path.push_str(&format!("{:.1} {:.1}", x(at), y(share)));
            }
            let dots = there().map(|(at, share)| {
                let k = ks.get(at).copied().unwrap_or_default();
                let said = fill(at_k, &[&line.name, &k, &format_args!("{:.1}", share * 100.0)]);
                (place(x(at)), place(y(share)), said)
            });
            Drawn { name: line.name, class: line.class, path, dots: dots.collect() }
        });
        Self {
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            right: WIDTH - RIGHT,
            lines: drawn.collect(),
            ticks: ticks
                .map(|tick| (place(y(f64::from(tick) / 100.0)), format!("{tick} %")))
                .to_vec(),
            ks: ks.iter().enumerate().map(|(at, k)| (place(x(at)), *k)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stops_where_k_cannot_be_reached() {
        let values = vec![Some(0.0), Some(1.0), None, Some(0.5)];
        let line = Line { name: "loss", class: "loss", values };
        let chart = Chart::new(vec![2, 3, 5, 11], &[line], "{}, k = {}: {} %");
        let drawn = &chart.lines[0];
        assert_eq!(drawn.path, "M120.0 260.0L264.0 12.0M552.0 136.0");
        assert_eq!(drawn.dots.len(), 3);
        assert_eq!(drawn.dots[2].2, "loss, k = 11: 50.0 %");
        assert_eq!(chart.ks[2], ("408.0".to_owned(), 5));
    }
}
