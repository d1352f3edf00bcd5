//! Tables that are drawn with lines: which lines form a grid, and which cells it has.

use hayro_interpret::kurbo::Rect;

/// Points by which lines may miss each other.
const SLACK: f64 = 3.0;
/// Thickness up to which a filled box is a line, in points.
const THIN: f64 = 3.0;
/// The shortest line that belongs to a table, in points.
const SHORTEST: f64 = 6.0;

/// A line that runs straight across or down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ruling {
    /// From left to right at a height.
    Across {
        /// Its height.
        y: f64,
        /// Its left end.
        from: f64,
        /// Its right end.
        to: f64,
    },
    /// From top to bottom at a place.
    Down {
        /// Its place.
        x: f64,
        /// Its upper end.
        from: f64,
        /// Its lower end.
        to: f64,
    },
}

impl Ruling {
    /// The line that a thin box is; the edges of a filled box are no lines.
    pub(super) fn of(rect: Rect) -> Option<Self> {
        let (width, height) = (rect.width(), rect.height());
        if height <= THIN && width >= SHORTEST {
            Some(Self::Across { y: rect.center().y, from: rect.x0, to: rect.x1 })
        } else if width <= THIN && height >= SHORTEST {
            Some(Self::Down { x: rect.center().x, from: rect.y0, to: rect.y1 })
        } else {
            None
        }
    }

    fn bounds(self) -> Rect {
        match self {
            Self::Across { y, from, to } => Rect::new(from, y, to, y),
            Self::Down { x, from, to } => Rect::new(x, from, x, to),
        }
        .inflate(SLACK, SLACK)
    }
}

/// A table: the places of its lines.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    columns: Vec<f64>,
    rows: Vec<f64>,
}

impl Grid {
    /// Row and column of a place; `None` if it is outside.
    pub(super) fn cell(&self, x: f64, y: f64) -> Option<(usize, usize)> {
        let place = |lines: &[f64], value: f64| {
            let after = lines.iter().position(|line| *line > value)?;
            after.checked_sub(1)
        };
        Some((place(&self.rows, y)?, place(&self.columns, x)?))
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.rows.len() - 1, self.columns.len() - 1)
    }
}

/// The grids of at least two rows and two columns.
pub(super) fn grids(rulings: &[Ruling]) -> Vec<Grid> {
    let mut groups: Vec<(Rect, Vec<Ruling>)> = Vec::new();
    for ruling in rulings {
        let bounds = ruling.bounds();
        let (touching, mut apart): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(group, _)| group.overlaps(bounds));
        let mut joined = (bounds, vec![*ruling]);
        for (group, members) in touching {
            joined.0 = joined.0.union(group);
            joined.1.extend(members);
        }
        apart.push(joined);
        groups = apart;
    }
    groups
        .into_iter()
        .filter_map(|(_, members)| {
            let mut columns = Vec::new();
            let mut rows = Vec::new();
            for member in members {
                match member {
                    Ruling::Across { y, .. } => rows.push(y),
                    Ruling::Down { x, .. } => columns.push(x),
                }
            }
            let grid = Grid { columns: distinct(columns), rows: distinct(rows) };
            (grid.columns.len() >= 3
                && grid.rows.len() >= 3
                && grid.columns.len() * grid.rows.len() <= 100_000)
                .then_some(grid)
        })
        .collect()
}

fn distinct(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values.dedup_by(|next, last| (*next - *last).abs() <= SLACK);
    values
}
