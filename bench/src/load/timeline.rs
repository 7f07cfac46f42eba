//! A run in equal pieces, for a chart.

use std::time::Duration;

use super::latency::Latencies;

/// About how many pieces a run is shown in.
const PIECES: u32 = 100;
/// No piece is shorter: too few answers would come in it.
const PIECE_MIN: Duration = Duration::from_millis(100);
/// Pieces after the end, for what was still answered; later ones count to the last.
const PIECES_AFTER: u32 = 50;

/// What was answered when.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    piece: Duration,
    pieces: Vec<Piece>,
}

/// What was answered in one piece of time.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) entries: u64,
    pub(super) latencies: Latencies,
}

impl Timeline {
    /// Of a run that takes so long.
    pub(super) fn new(end: Duration) -> Self {
        let piece = (end / PIECES).max(PIECE_MIN);
        let pieces = Vec::new();
        Self { piece, pieces }
    }

    /// Counts entries that were answered at that time.
    pub(super) fn record(&mut self, at: Duration, latency: Duration, entries: u64) {
        let place = at.as_nanos() / self.piece.as_nanos();
        let last = PIECES + PIECES_AFTER;
        let place = u32::try_from(place).unwrap_or(last).min(last);
        let place = usize::try_from(place).expect("some hundred");
        self.grow(place + 1);
        if let Some(piece) = self.pieces.get_mut(place) {
            piece.entries += entries;
            piece.latencies.record(latency, entries);
        }
    }

    /// Adds what another thread saw of the same run.
    pub(super) fn add(&mut self, other: &Self) {
        self.grow(other.pieces.len());
        for (piece, other) in self.pieces.iter_mut().zip(&other.pieces) {
            piece.entries += other.entries;
            piece.latencies.add(&other.latencies);
        }
    }

    /// The pieces in order, each with the middle of its time in seconds.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (f64, &Piece)> {
        let middles = (0_u32..).map(|at| self.piece_seconds() * (f64::from(at) + 0.5));
        middles.zip(&self.pieces)
    }

    /// How long a piece is.
    pub(super) fn piece_seconds(&self) -> f64 {
        self.piece.as_secs_f64()
    }

    fn grow(&mut self, len: usize) {
        while self.pieces.len() < len {
            self.pieces.push(Piece {
                entries: 0,
                latencies: Latencies::coarse(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_when_is_kept_apart() {
        let end = Duration::from_secs(100);
        let ms = Duration::from_millis;
        let mut line = Timeline::new(end);
        line.record(ms(500), ms(2), 3);
        line.record(ms(2500), ms(4), 1);
        let mut other = Timeline::new(end);
        other.record(ms(700), ms(2), 4);
        other.record(Duration::MAX, ms(1), 1);
        line.add(&other);
        let counts: Vec<u64> = line.pieces().map(|(_, piece)| piece.entries).collect();
        assert_eq!(counts[..4], [7, 0, 1, 0]);
        assert_eq!(counts.len(), 151);
        let (middle, _) = line.pieces().nth(2).unwrap();
        assert!((middle - 2.5).abs() < 1e-9, "{middle}");
    }
}
