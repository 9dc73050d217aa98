//! Charts: SVG written on the server, each with the same figures as a table below it.
//!
//! Series differ by dash and mark as well as by colour, and bars carry their number, so that nothing is told by colour alone.

use askama::Template;

/// Lines over time.
#[derive(Debug, Template)]
#[template(path = "chart_lines.html")]
pub(super) struct Lines {
    /// Names the figure on its page.
    id: &'static str,
    title: &'static str,
    table: &'static str,
    time: &'static str,
    series: Vec<Series>,
    /// Horizontal rules with their figure.
    rules: Vec<Label>,
    /// Times below the chart.
    times: Vec<Label>,
    rows: Vec<Row>,
}

/// One line.
#[derive(Debug)]
struct Series {
    name: &'static str,
    /// Its class: colour and dash.
    style: &'static str,
    points: String,
}

#[derive(Debug)]
struct Label {
    at: u64,
    text: String,
}

#[derive(Debug)]
struct Row {
    time: String,
    figures: Vec<u64>,
}

impl Lines {
    /// Lines of `series` (name and figures, one for each of `times`), at most three of them.
    pub(super) fn new(
        id: &'static str,
        [title, table, time]: [&'static str; 3],
        times: &[String],
        series: &[(&'static str, Vec<u64>)],
    ) -> Self {
        let highest = ceiling(series.iter().flat_map(|(_, figures)| figures).copied().max().unwrap_or(0));
        let steps = u64::try_from(times.len().saturating_sub(1)).unwrap_or(0).max(1);
        let x = |index: usize| LEFT + u64::try_from(index).unwrap_or(0).saturating_mul(WIDTH) / steps;
        let y = |figure: u64| TOP + HEIGHT - share(figure.min(highest), HEIGHT, highest);
        let lines = series.iter().zip(STYLES).map(|((name, figures), style)| {
            let points: Vec<String> =
                figures.iter().enumerate().map(|(index, figure)| format!("{},{}", x(index), y(*figure))).collect();
            Series { name, style, points: points.join(" ") }
        });
        let rules = (0..=RULES).map(|rule| {
            let figure = share(highest, rule, RULES);
            Label { at: y(figure), text: figure.to_string() }
        });
        let every = times.len().div_ceil(TIMES).max(1);
        let labels =
            times.iter().enumerate().step_by(every).map(|(index, time)| Label { at: x(index), text: time.clone() });
        let rows = times.iter().enumerate().map(|(index, time)| Row {
            time: time.clone(),
            figures: series.iter().map(|(_, figures)| figures.get(index).copied().unwrap_or(0)).collect(),
        });
        Self {
            id,
            title,
            table,
            time,
            series: lines.collect(),
            rules: rules.collect(),
            times: labels.collect(),
            // The newest first, as in every list.
            rows: rows.rev().collect(),
        }
    }
}

/// Bars beside their names.
#[derive(Debug, Template)]
#[template(path = "chart_bars.html")]
pub(super) struct Bars {
    id: &'static str,
    title: &'static str,
    table: &'static str,
    name: &'static str,
    figure: &'static str,
    none: &'static str,
    bars: Vec<Bar>,
}

#[derive(Debug)]
struct Bar {
    name: String,
    figure: u64,
    /// Share of the longest, in percent.
    share: u64,
}

impl Bars {
    /// Bars of the names with their figures, in the order given.
    pub(super) fn new(
        id: &'static str,
        [title, table, name, figure, none]: [&'static str; 5],
        figures: Vec<(String, u64)>,
    ) -> Self {
        let highest = figures.iter().map(|(_, figure)| *figure).max().unwrap_or(0).max(1);
        let bars = figures.into_iter().map(|(name, figure)| {
            let share = figure.saturating_mul(100).div_ceil(highest);
            Bar { name, figure, share }
        });
        Self { id, title, table, name, figure, none, bars: bars.collect() }
    }
}

/// `figure` times `part` by `whole`, which is not 0; the product may be larger than 64 bits.
fn share(figure: u64, part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(figure) * u128::from(part) / u128::from(whole)).unwrap_or(u64::MAX)
}

/// The least round number that is not below a figure and can be divided by the number of rules.
fn ceiling(figure: u64) -> u64 {
    let mut step = 1u64;
    loop {
        for factor in [1, 2, 5] {
            let rule = step.saturating_mul(factor);
            let top = rule.saturating_mul(RULES);
            if top >= figure || top == u64::MAX {
                return top;
            }
        }
        step = step.saturating_mul(10);
    }
}

/// The drawing area in a view of 640 by 220.
const LEFT: u64 = 48;
const TOP: u64 = 10;
const WIDTH: u64 = 580;
const HEIGHT: u64 = 176;
/// Horizontal rules above the base line.
const RULES: u64 = 4;
/// Times below the chart.
const TIMES: usize = 6;
const STYLES: [&str; 3] = ["one", "two", "three"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_a_round_number() {
        for (figure, expect) in [(0, 4), (1, 4), (4, 4), (5, 8), (9, 20), (21, 40), (312, 400), (401, 800), (801, 2000)]
        {
            assert_eq!(ceiling(figure), expect, "{figure}");
        }
        assert!(ceiling(u64::MAX) == u64::MAX);
    }

    #[test]
    fn figures_lie_between_base_line_and_top() {
        let times: Vec<String> = ["09:00", "09:30", "10:00"].map(str::to_owned).into();
        let lines = Lines::new("t", ["", "", ""], &times, &[("a", vec![0, 2, 4])]);
        assert_eq!(lines.series[0].points, "48,186 338,98 628,10");
        assert_eq!(lines.rows[0].time, "10:00");
        let one = Lines::new("t", ["", "", ""], &times[..1], &[("a", vec![u64::MAX])]);
        assert_eq!(one.series[0].points, "48,10", "neither one point nor the highest figure leaves the chart");
    }

    #[test]
    fn every_bar_that_counts_something_is_seen() {
        let bars = Bars::new("t", [""; 5], vec![("a".into(), 1000), ("b".into(), 1), ("c".into(), 0)]);
        assert_eq!(bars.bars.iter().map(|bar| bar.share).collect::<Vec<_>>(), [100, 1, 0]);
    }
}
