//! How a try ended, and how often.

use glorieta_core::Kind;

use crate::metrics::cells::Cell;

/// How one try at an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered with this status.
    Status(u16),
    Error(Kind),
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const OUTCOMES: usize = CLASSES.len() + Kind::ALL.len() + 1;

impl Outcome {
    fn index(self) -> usize {
        match self {
            Outcome::Status(status @ 100..=599) => usize::from(status / 100 - 1),
            Outcome::Error(kind) => CLASSES.len() + kind as usize,
            Outcome::Status(_) => OUTCOMES - 1,
        }
    }

    fn label_at(index: usize) -> &'static str {
        match (CLASSES.get(index), index.checked_sub(CLASSES.len()).and_then(|kind| Kind::ALL.get(kind))) {
            (Some(class), _) => class,
            (None, Some(kind)) => kind.reason(),
            (None, None) => "other",
        }
    }

    /// The word in metrics: `2xx`, `refused`, …
    pub fn label(self) -> &'static str {
        Outcome::label_at(self.index())
    }
}

#[derive(Debug)]
pub(super) struct OutcomeCells([Cell; OUTCOMES]);

impl Default for OutcomeCells {
    fn default() -> OutcomeCells {
        OutcomeCells(std::array::from_fn(|_| Cell::default()))
    }
}

impl OutcomeCells {
    pub fn count(&self, outcome: Outcome) {
        if let Some(cell) = self.0.get(outcome.index()) {
            cell.add(1);
        }
    }
}

/// The sum of all cells by word; what never happened is left out.
pub(super) fn outcomes<'a>(all: impl Iterator<Item = &'a OutcomeCells>) -> Vec<(&'static str, u64)> {
    let mut counts = [0; OUTCOMES];
    for cells in all {
        for (count, cell) in counts.iter_mut().zip(&cells.0) {
            *count += cell.get();
        }
    }
    let seen = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
    seen.map(|(index, count)| (Outcome::label_at(index), count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_word_and_its_place() {
        let mut seen = std::collections::HashSet::new();
        for &kind in Kind::ALL {
            assert_eq!(Outcome::Error(kind).label(), kind.reason());
            assert!(seen.insert(Outcome::Error(kind).index()), "{kind:?}");
        }
        for (status, label) in
            [(101, "1xx"), (200, "2xx"), (308, "3xx"), (499, "4xx"), (599, "5xx"), (600, "other"), (0, "other")]
        {
            assert_eq!(Outcome::Status(status).label(), label);
        }
    }
}
