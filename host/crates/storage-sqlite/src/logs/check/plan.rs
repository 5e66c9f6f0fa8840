//! What is wrong with a log's rows, and what would put them right. Pure: rows in, findings out.
//!
//! The row of the log itself says how many lines it has: it is written in the transaction of each chunk. Chunks that join up
//! beyond it are believed; chunks that lie elsewhere are not. Nothing here makes up a line: what is missing becomes a chunk
//! that is marked as damaged.

use corral_storage::chunk;

/// A chunk's row, without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkRow {
    pub(super) id: i64,
    pub(super) first_line: u64,
    pub(super) n_lines: u64,
    pub(super) first_byte: u64,
    pub(super) raw_len: u64,
}

/// What a chunk's data turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Whole, with so many lines and bytes.
    Whole { lines: u64, bytes: u64 },
    /// A repair marked it as damaged.
    Marked,
    /// It cannot be read.
    Damaged,
}

impl Content {
    pub(super) fn of(data: &[u8]) -> Self {
        if data.is_empty() {
            return Self::Marked;
        }
        match chunk::decode(data) {
            Ok(lines) => Self::Whole { lines: lines.len() as u64, bytes: lines.raw_len() },
            Err(_) => Self::Damaged,
        }
    }
}

/// Something that is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) first_line: u64,
    pub(super) lines: u64,
    pub(super) what: &'static str,
}

/// A change that puts something right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fix {
    /// This chunk has no place in the log.
    Remove { id: i64 },
    /// This chunk covers these lines and bytes; it stays as it is inside.
    Place { id: i64, n_lines: u64, first_byte: u64, raw_len: u64 },
    /// This chunk covers these lines and bytes and is marked as damaged.
    Mark { id: i64, n_lines: u64, first_byte: u64, raw_len: u64 },
    /// Here no chunk is; a mark takes the place.
    Insert { first_line: u64, n_lines: u64, first_byte: u64, raw_len: u64 },
    /// The log ends here.
    End { lines: u64, bytes: u64 },
}

/// Goes through the chunks of one log in their order.
pub(super) struct Plan {
    lines: u64,
    bytes: u64,
    end: (u64, u64),
    pub(super) marked: u64,
    pub(super) findings: Vec<Finding>,
    pub(super) fixes: Vec<Fix>,
}

impl Plan {
    /// A plan for a log that says of itself that it has so many lines and bytes.
    pub(super) fn new(lines: u64, bytes: u64) -> Self {
        Self { lines: 0, bytes: 0, end: (lines, bytes), marked: 0, findings: Vec::new(), fixes: Vec::new() }
    }

    /// The next chunk, and where the one behind it begins.
    pub(super) fn chunk(&mut self, row: ChunkRow, content: Content, next: Option<u64>) {
        if row.first_line < self.lines {
            return self.remove(row, "are stored twice");
        }
        if row.first_line > self.lines {
            if row.first_line >= self.end.0 {
                return self.remove(row, "lie beyond the end of the log");
            }
            // Behind a gap a chunk is believed only where it does not reach into the next one: its place may be what is wrong.
            if matches!(content, Content::Whole { lines, .. } if row.first_line + lines > next.unwrap_or(self.end.0)) {
                return self.remove(row, "lie where other lines are");
            }
            self.gap(row.first_line, row.first_byte);
        }
        let first_byte = self.bytes;
        let whole = matches!(content, Content::Whole { lines, .. } if lines > 0);
        let (n_lines, raw_len) = match content {
            Content::Whole { lines, bytes } if whole => (lines, bytes),
            // Only its row says how much it held, and that may be wrong too: it reaches no farther than to the next one.
            _ => (row.n_lines.min(next.unwrap_or(self.end.0).saturating_sub(row.first_line)).max(1), row.raw_len),
        };
        let placed = (row.n_lines, row.first_byte, row.raw_len) == (n_lines, first_byte, raw_len);
        match content {
            Content::Marked => self.marked += n_lines,
            _ if !whole => self.find(row.first_line, n_lines, "cannot be read: the checksum differs"),
            _ => {}
        }
        let id = row.id;
        if !placed {
            self.find(row.first_line, n_lines, "are whole or marked, but their index is wrong");
        }
        match content {
            Content::Damaged | Content::Whole { .. } if !whole => {
                self.fixes.push(Fix::Mark { id, n_lines, first_byte, raw_len });
            }
            _ if !placed => self.fixes.push(Fix::Place { id, n_lines, first_byte, raw_len }),
            _ => {}
        }
        self.lines += n_lines;
        self.bytes += raw_len;
    }

    /// No chunk follows.
    pub(super) fn finish(&mut self) {
        if self.lines < self.end.0 {
            self.gap(self.end.0, self.end.1);
        }
        if (self.lines, self.bytes) != self.end {
            let lines = self.lines.saturating_sub(self.end.0);
            self.find(self.end.0.min(self.lines), lines, "are there, but the log says that it ends elsewhere");
            self.fixes.push(Fix::End { lines: self.lines, bytes: self.bytes });
        }
    }

    fn gap(&mut self, until_line: u64, until_byte: u64) {
        let (first_line, first_byte) = (self.lines, self.bytes);
        let n_lines = until_line - first_line;
        let raw_len = until_byte.saturating_sub(first_byte);
        self.find(first_line, n_lines, "are missing");
        self.fixes.push(Fix::Insert { first_line, n_lines, first_byte, raw_len });
        self.marked += n_lines;
        self.lines = until_line;
        self.bytes += raw_len;
    }

    fn remove(&mut self, row: ChunkRow, what: &'static str) {
        self.find(row.first_line, row.n_lines, what);
        self.fixes.push(Fix::Remove { id: row.id });
    }

    fn find(&mut self, first_line: u64, lines: u64, what: &'static str) {
        self.findings.push(Finding { first_line, lines, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three chunks of 10 lines and 100 bytes each.
    fn rows() -> Vec<(ChunkRow, Content)> {
        let row = |n: u64| {
            let (first_line, first_byte) = (n * 10, n * 100);
            let row = ChunkRow { id: n.cast_signed() + 1, first_line, n_lines: 10, first_byte, raw_len: 100 };
            (row, Content::Whole { lines: 10, bytes: 100 })
        };
        (0..3).map(row).collect()
    }

    fn planned(rows: &[(ChunkRow, Content)], end: (u64, u64)) -> Plan {
        let mut plan = Plan::new(end.0, end.1);
        for (index, (row, content)) in rows.iter().enumerate() {
            plan.chunk(*row, *content, rows.get(index + 1).map(|(next, _)| next.first_line));
        }
        plan.finish();
        plan
    }

    #[test]
    fn a_log_that_joins_up_needs_nothing() {
        let plan = planned(&rows(), (30, 300));
        assert_eq!((plan.findings, plan.fixes, plan.marked), (vec![], vec![], 0));
    }

    #[test]
    fn what_cannot_be_read_or_is_missing_is_marked_and_its_neighbours_stay() {
        let mut damaged = rows();
        damaged[1].1 = Content::Damaged;
        let plan = planned(&damaged, (30, 300));
        assert_eq!(plan.fixes, [Fix::Mark { id: 2, n_lines: 10, first_byte: 100, raw_len: 100 }]);
        let mut missing = rows();
        missing.remove(1);
        let plan = planned(&missing, (30, 300));
        assert_eq!(plan.fixes, [Fix::Insert { first_line: 10, n_lines: 10, first_byte: 100, raw_len: 100 }]);
        let plan = planned(&rows()[..1], (30, 300));
        assert_eq!(plan.fixes, [Fix::Insert { first_line: 10, n_lines: 20, first_byte: 100, raw_len: 200 }]);
    }

    #[test]
    fn a_wrong_count_is_that_of_the_lines_and_costs_no_neighbour() {
        let mut wrong = rows();
        wrong[0].0.n_lines = 1 << 40;
        let plan = planned(&wrong, (30, 300));
        assert_eq!(plan.fixes, [Fix::Place { id: 1, n_lines: 10, first_byte: 0, raw_len: 100 }]);
        wrong[0].1 = Content::Damaged;
        let plan = planned(&wrong, (30, 300));
        assert_eq!(plan.fixes, [Fix::Mark { id: 1, n_lines: 10, first_byte: 0, raw_len: 100 }]);
    }

    #[test]
    fn a_chunk_that_moved_away_leaves_a_mark_and_is_not_shown_elsewhere() {
        let mut moved = rows();
        let (mut row, content) = moved.remove(1);
        row.first_line = 1 << 30;
        moved.push((row, content));
        let plan = planned(&moved, (30, 300));
        let mark = Fix::Insert { first_line: 10, n_lines: 10, first_byte: 100, raw_len: 100 };
        assert_eq!(plan.fixes, [mark, Fix::Remove { id: 2 }]);
    }

    #[test]
    fn chunks_that_join_up_beyond_the_end_are_believed() {
        let plan = planned(&rows(), (20, 200));
        assert_eq!(plan.fixes, [Fix::End { lines: 30, bytes: 300 }]);
    }
}
