//! One line of the result.

use std::time::Duration;

use crate::measure::Cost;

/// What must hold.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// Ours takes at most one part in so many of the other's time.
    FasterBy(f64),
    /// The same for the processor's time.
    LessWorkBy(f64),
    /// Ours takes at most so many times as long, or as much space.
    AtMostTimes(f64),
    /// The same for the processor's time.
    AtMostTimesWork(f64),
    /// Ours takes at most so long.
    Within(Duration),
    /// Ours takes at most so many bytes.
    Bytes(u64),
}

/// What was measured.
#[derive(Clone, Copy)]
pub(crate) enum Figures {
    Times { ours: Cost, other: Option<Cost> },
    Bytes { ours: u64, other: Option<u64> },
}

/// One figure.
pub(crate) struct Row {
    pub(crate) bench: &'static str,
    pub(crate) name: String,
    pub(crate) figures: Figures,
    pub(crate) bar: Bar,
}

impl Row {
    /// The ratio that the bar is about, if there is another side, the bar in words, and whether it holds.
    fn judged(&self) -> (Option<f64>, String, bool) {
        let seconds = |of: fn(Cost) -> Duration| match self.figures {
            Figures::Times { ours, other } => {
                (of(ours).as_secs_f64(), other.map(|cost| of(cost).as_secs_f64()))
            }
            Figures::Bytes { ours, other } => (ours as f64, other.map(|bytes| bytes as f64)),
        };
        let (ours, other) = match self.bar {
            Bar::LessWorkBy(_) | Bar::AtMostTimesWork(_) => seconds(|cost| cost.cpu),
            _ => seconds(|cost| cost.wall),
        };
        let faster = other.map(|other| other / ours);
        let times = other.map(|other| ours / other);
        match self.bar {
            Bar::FasterBy(bar) => (faster, format!(">= {bar}x"), faster.is_some_and(|ratio| ratio >= bar)),
            Bar::LessWorkBy(bar) => {
                (faster, format!(">= {bar}x CPU"), faster.is_some_and(|ratio| ratio >= bar))
            }
            Bar::AtMostTimes(bar) => (times, format!("<= {bar}x"), times.is_some_and(|ratio| ratio <= bar)),
            Bar::AtMostTimesWork(bar) => {
                (times, format!("<= {bar}x CPU"), times.is_some_and(|ratio| ratio <= bar))
            }
            Bar::Within(bar) => {
                (times, format!("<= {} ms", bar.as_secs_f64() * 1e3), ours <= bar.as_secs_f64())
            }
            Bar::Bytes(bar) => (times, format!("<= {} MB", bar as f64 / 1e6), ours <= bar as f64),
        }
    }

    pub(crate) fn as_json(&self) -> serde_json::Value {
        let (ratio, bar, holds) = self.judged();
        let mut line = serde_json::json!({ "bench": self.bench, "row": self.name });
        match self.figures {
            Figures::Times { ours, other } => {
                line["ours_ms"] = milliseconds(ours.wall).into();
                line["other_ms"] = other.map(|cost| milliseconds(cost.wall)).into();
                line["ours_cpu_ms"] = milliseconds(ours.cpu).into();
                line["other_cpu_ms"] = other.map(|cost| milliseconds(cost.cpu)).into();
            }
            Figures::Bytes { ours, other } => {
                line["ours_mb"] = megabytes(ours).into();
                line["other_mb"] = other.map(megabytes).into();
            }
        }
        line["ratio"] = ratio.map(rounded).into();
        line["bar"] = bar.into();
        line["holds"] = holds.into();
        line
    }

    /// Above the lines of a table.
    pub(crate) fn heading() -> String {
        format!(
            "{:<10} {:<66} {:>22} {:>24} {:>9}  {:<12}",
            "", "median wall ms (CPU ms), or MB", "ours", "other", "ratio", "bar"
        )
    }

    pub(crate) fn as_text(&self) -> String {
        let (ratio, bar, holds) = self.judged();
        let cost = |cost: Cost| format!("{:.3} ({:.3})", milliseconds(cost.wall), milliseconds(cost.cpu));
        let size = |bytes: u64| format!("{:.3} MB", megabytes(bytes));
        let (ours, other) = match self.figures {
            Figures::Times { ours, other } => (cost(ours), other.map(cost)),
            Figures::Bytes { ours, other } => (size(ours), other.map(size)),
        };
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x"));
        let other = other.unwrap_or_else(|| "-".to_owned());
        let verdict = if holds { "holds" } else { "MISSED" };
        format!("{:<10} {:<66} {ours:>22} {other:>24} {ratio:>9}  {bar:<12} {verdict}", self.bench, self.name)
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn megabytes(bytes: u64) -> f64 {
    (bytes as f64 / 1e3).round() / 1e3
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 1_000.0).round() / 1_000.0
}
