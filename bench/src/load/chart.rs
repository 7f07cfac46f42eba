//! Throughput and latency over time, as one SVG picture.

use std::path::Path;

use anyhow::anyhow;
use plotters::prelude::*;

use super::number::float;
use super::timeline::Timeline;

const SIZE: (u32, u32) = (960, 640);
/// Above the highest line there is room for the names of the lines.
const HEADROOM: f64 = 1.4;
const TEXT: (&str, u32) = ("sans-serif", 16);
const BLUE: RGBColor = RGBColor(31, 119, 180);
const ORANGE: RGBColor = RGBColor(255, 127, 14);
const GREEN: RGBColor = RGBColor(44, 160, 44);

/// What is drawn.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    pub(super) title: String,
    /// When sending ended, in seconds.
    pub(super) end_seconds: f64,
    /// What an answer meant: sequenced, or published.
    pub(super) answered_as: &'static str,
    pub(super) answered: &'a Timeline,
    /// By the checkpoint, if that is something else.
    pub(super) published: Option<&'a Timeline>,
}

/// A line of a chart.
struct Line {
    name: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
}

impl Chart<'_> {
    /// Writes the picture.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        // Errors of the library borrow the canvas.
        self.draw(&SVGBackend::new(path, SIZE).into_drawing_area())
            .map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
    }

    fn draw<'b>(
        &self,
        canvas: &DrawingArea<SVGBackend<'b>, plotters::coord::Shift>,
    ) -> Result<(), Box<dyn std::error::Error + 'b>> {
        canvas.fill(&WHITE)?;
        let canvas = canvas.titled(&self.title, ("sans-serif", 24))?;
        let (above, below) = canvas.split_vertically(SIZE.1 / 2);
        self.panel(&above, "entries a second", &[self.throughput()])?;
        self.panel(&below, "latency, ms", &self.latencies())?;
        canvas.present()?;
        Ok(())
    }

    fn panel<'b>(
        &self,
        area: &DrawingArea<SVGBackend<'b>, plotters::coord::Shift>,
        label: &str,
        lines: &[Line],
    ) -> Result<(), Box<dyn std::error::Error + 'b>> {
        let values = lines.iter().flat_map(|line| &line.points);
        let highest = values.map(|(_, value)| *value).fold(0.0, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .x_label_area_size(44)
            .y_label_area_size(90)
            .build_cartesian_2d(0.0..self.end_seconds, 0.0..(highest * HEADROOM).max(1e-3))?;
        chart
            .configure_mesh()
            .x_desc("seconds")
            .y_desc(label)
            .label_style(TEXT)
            .axis_desc_style(TEXT)
            .light_line_style(WHITE)
            .draw()?;
        for line in lines {
            let color = line.color;
            let shown = line.points.iter().copied();
            let shown = shown.filter(|(at, _)| *at <= self.end_seconds);
            chart
                .draw_series(LineSeries::new(shown, color.stroke_width(2)))?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
        }
        chart
            .configure_series_labels()
            .label_font(TEXT)
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .draw()?;
        Ok(())
    }

    fn throughput(&self) -> Line {
        let seconds = self.answered.piece_seconds();
        let points = self.answered.pieces();
        Line {
            name: self.answered_as.to_owned(),
            color: BLUE,
            points: points
                .map(|(at, piece)| (at, float(piece.entries) / seconds))
                .collect(),
        }
    }

    fn latencies(&self) -> Vec<Line> {
        let percentile = |timeline: &Timeline, name: &str, percent: f64, color| Line {
            name: format!("{name}, p{percent}"),
            color,
            points: timeline
                .pieces()
                .filter_map(|(at, piece)| Some((at, piece.latencies.percentile_ms(percent)?)))
                .collect(),
        };
        let name = self.answered_as;
        let mut lines = vec![
            percentile(self.answered, name, 50.0, BLUE),
            percentile(self.answered, name, 99.0, ORANGE),
        ];
        if let Some(published) = self.published {
            lines.push(percentile(published, "published", 50.0, GREEN));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_chart_is_a_picture_with_its_lines_named() {
        let second = Duration::from_secs(1);
        let mut answered = Timeline::new(10 * second);
        for at in 0..10 {
            answered.record(at * second, second / 100, 500);
        }
        let chart = Chart {
            title: "a run".to_owned(),
            end_seconds: 10.0,
            answered_as: "sequenced",
            answered: &answered,
            published: Some(&answered),
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chart.svg");
        chart.write(&path).unwrap();
        let svg = fs::read_to_string(&path).unwrap();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
        for text in [
            "a run",
            "entries a second",
            "latency, ms",
            "sequenced, p99",
            "published, p50",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.matches("<polyline").count() >= 4);
        assert!(
            chart
                .write(&dir.path().join("no/such/directory.svg"))
                .is_err()
        );
    }

    #[test]
    fn a_run_without_answers_can_be_drawn() {
        let empty = Timeline::new(Duration::from_secs(1));
        let chart = Chart {
            title: String::new(),
            end_seconds: 1.0,
            answered_as: "published",
            answered: &empty,
            published: None,
        };
        let dir = tempfile::tempdir().unwrap();
        chart.write(&dir.path().join("chart.svg")).unwrap();
    }
}
