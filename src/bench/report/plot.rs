//! Plots: horizontal bars as SVG. Colours follow the reader's light or dark scheme; the background is the page's.

use std::fmt::Write;

use crate::bench::report::groups::{Group, Row};
use crate::bench::report::page::number;
use crate::bench::report::results::{SERVERS, Spread};

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 8.0;
const BARS_LEFT: f64 = 264.0;
/// Room for the number behind the longest bar.
const BARS_RIGHT: f64 = WIDTH - 80.0;
const TOP: f64 = 56.0;
const BAR: f64 = 15.0;
const BAR_GAP: f64 = 3.0;
const ROW_GAP: f64 = 14.0;
const BOTTOM: f64 = 30.0;
/// Lines of the grid, about.
const GRID_STEPS: f64 = 5.0;

const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}\
.title{font-size:14px;font-weight:600}\
.axis{fill:#59636e;font-size:11px}\
.grid{stroke:#d1d9e0;stroke-width:1}\
.spread{stroke:#1f2328;stroke-width:1;opacity:.65}\
.s0{fill:#c2410c}.s1{fill:#8c959f}.s2{fill:#0969da}\
@media(prefers-color-scheme:dark){\
text{fill:#e6edf3}.axis{fill:#9198a1}.grid{stroke:#3d444d}.spread{stroke:#e6edf3}\
.s0{fill:#f0883e}.s1{fill:#6e7681}.s2{fill:#4493f8}}";

/// A group as a plot. `servers` are those of the rows, in order.
pub(crate) fn svg(group: &Group, servers: &[usize], rows: &[Row]) -> String {
    let mut plot = Plot::new(group, servers, rows);
    plot.grid();
    plot.legend();
    for row in rows {
        plot.row(row);
    }
    plot.out.push_str("</svg>\n");
    plot.out
}

struct Plot<'a> {
    out: String,
    group: &'a Group,
    servers: &'a [usize],
    height: f64,
    /// The number at the right end of the bars.
    most: f64,
    y: f64,
}

impl<'a> Plot<'a> {
    fn new(group: &'a Group, servers: &'a [usize], rows: &[Row]) -> Self {
        let bars = |row: &Row| row.spreads.iter().flatten().count();
        let heights = rows.iter().map(|row| row_height(bars(row)) + ROW_GAP);
        let height = TOP + heights.sum::<f64>() + BOTTOM;
        let most = rows
            .iter()
            .flat_map(|row| row.spreads.iter().flatten())
            .map(|spread| spread.max)
            .fold(f64::MIN_POSITIVE, f64::max);
        let title = group.title;
        let out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n\
             <style>{STYLE}</style>\n<text class=\"title\" x=\"{MARGIN}\" y=\"16\">{title}</text>\n"
        );
        Plot {
            out,
            group,
            servers,
            height,
            most,
            y: TOP,
        }
    }

    fn x(&self, value: f64) -> f64 {
        BARS_LEFT + (BARS_RIGHT - BARS_LEFT) * value / self.most
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        self.out
            .write_fmt(text)
            .and_then(|()| self.out.write_char('\n'))
            .expect("a string takes what is written to it");
    }

    fn grid(&mut self) {
        let step = round_step(self.most / GRID_STEPS);
        let (top, bottom) = (TOP - 6.0, self.height - BOTTOM);
        let mut at = 0.0;
        while at <= self.most {
            let (x, label) = (self.x(at), number(at, step_decimals(step)));
            self.line(format_args!(
                "<path class=\"grid\" d=\"M{x:.1} {top}V{bottom}\"/>\
                 <text class=\"axis\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                bottom + 16.0
            ));
            at += step;
        }
    }

    fn legend(&mut self) {
        let better = if self.group.more_is_better {
            "more is better"
        } else {
            "less is better"
        };
        let unit = self.group.unit;
        self.line(format_args!(
            "<text class=\"axis\" x=\"{MARGIN}\" y=\"36\">{unit}; {better}</text>"
        ));
        let mut x = BARS_LEFT;
        for server in self.servers {
            let (_, name) = SERVERS[*server];
            self.line(format_args!(
                "<rect class=\"s{server}\" x=\"{x}\" y=\"27\" width=\"10\" height=\"10\" rx=\"2\"/>\
                 <text x=\"{}\" y=\"36\">{name}</text>",
                x + 15.0
            ));
            x += 115.0;
        }
    }

    fn row(&mut self, row: &Row) {
        let bars = row.spreads.iter().flatten().count();
        let middle = self.y + row_height(bars) / 2.0 + 4.0;
        let label = row.label;
        self.line(format_args!(
            "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{label}</text>",
            BARS_LEFT - 10.0
        ));
        let servers = self.servers;
        for (server, spread) in servers.iter().zip(&row.spreads) {
            if let Some(spread) = spread {
                self.bar(*server, *spread);
                self.y += BAR + BAR_GAP;
            }
        }
        self.y += ROW_GAP - BAR_GAP;
    }

    fn bar(&mut self, server: usize, spread: Spread) {
        let (y, end) = (self.y, self.x(spread.median));
        let width = (end - BARS_LEFT).max(1.0);
        self.line(format_args!(
            "<rect class=\"s{server}\" x=\"{BARS_LEFT}\" y=\"{y}\" width=\"{width:.1}\" \
             height=\"{BAR}\" rx=\"2\"/>"
        ));
        let (min, max) = (self.x(spread.min), self.x(spread.max));
        if max - min >= 2.0 {
            let (middle, top, bottom) = (y + BAR / 2.0, y + 4.0, y + BAR - 4.0);
            self.line(format_args!(
                "<path class=\"spread\" d=\"M{min:.1} {middle}H{max:.1}M{min:.1} {top}V{bottom}\
                 M{max:.1} {top}V{bottom}\"/>"
            ));
        }
        let text = number(spread.median, self.group.decimals);
        self.line(format_args!(
            "<text x=\"{:.1}\" y=\"{}\">{text}</text>",
            end.max(max) + 6.0,
            y + BAR - 3.5
        ));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful of bars")]
fn row_height(bars: usize) -> f64 {
    bars as f64 * (BAR + BAR_GAP) - BAR_GAP
}

/// The next of 1, 2 and 5 times a power of ten.
fn round_step(about: f64) -> f64 {
    let power = 10_f64.powf(about.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let fits = factors.into_iter().find(|factor| factor * power >= about);
    power * fits.unwrap_or(10.0)
}

/// Decimals that tell the lines of a grid apart.
fn step_decimals(step: f64) -> usize {
    if step >= 1.0 {
        0
    } else if step >= 0.1 {
        1
    } else {
        2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::groups::GROUPS;

    #[test]
    fn steps_are_round() {
        for (about, want) in [(0.9, 1.0), (1.1, 2.0), (17_000.0, 20_000.0), (0.3, 0.5)] {
            assert!((round_step(about) - want).abs() < 1e-9, "{about}");
        }
    }

    #[test]
    fn a_plot_has_a_bar_for_each_server_and_case() {
        let spread = |median| {
            Some(Spread {
                min: median * 0.9,
                median,
                max: median * 1.1,
            })
        };
        let rows = [
            Row {
                label: "one",
                spreads: vec![spread(5000.0), spread(100.0)],
            },
            Row {
                label: "two",
                spreads: vec![None, spread(1.0)],
            },
        ];
        let svg = svg(&GROUPS[0], &[0, 1], &rows);
        assert_eq!(svg.matches("height=\"15\"").count(), 3, "{svg}");
        assert!(svg.contains(">5,000<"), "{svg}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
