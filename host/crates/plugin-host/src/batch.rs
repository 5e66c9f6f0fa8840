//! Lines on their way to a filter and back. A filter sees text: bytes that are not UTF-8 are replaced in what it is
//! given. Lines that it does not change keep their own bytes.

use corral_domain::{Extras, LineRef, Lines};

use crate::bindings::corral::types::types::Label;
use crate::bindings::exports::corral::log_filter::filter::{Batch, Change, Edit};

/// Most lines in one batch: they share what a call costs beside its own work. More gain little.
pub const BATCH_LINES: usize = 512;
/// Most bytes of text in one batch; a longer line goes alone.
pub const BATCH_BYTES: usize = 1 << 20;
/// Most bytes of text that the edits of one batch may hold.
const EDITED_BYTES_MAX: usize = 4 << 20;
/// Most annotations that one filter gives one line.
const ANNOTATIONS_MAX: usize = 16;
const KEY_MAX: usize = 63;
const VALUE_MAX: usize = 1024;

/// Fills a batch with the lines from `from` on; answers the index after the last that went in.
pub fn pack(lines: &Lines, from: usize, first_line: u64, batch: &mut Batch) -> usize {
    batch.first_line = first_line;
    batch.text.clear();
    batch.ends.clear();
    let Some(rest) = lines.ends().get(from..) else { return from };
    let start = if from == 0 { 0 } else { lines.ends()[from - 1] };
    let most = rest.len().min(BATCH_LINES);
    let fit = rest[..most].partition_point(|end| (end - start) as usize <= BATCH_BYTES);
    let count = fit.max(1).min(most);
    let ends = &rest[..count];
    let bytes = ends.last().map_or(&[][..], |end| &lines.text()[start as usize..*end as usize]);
    // All at once, as nearly all output is UTF-8. A character must not go over a line's end: its halves are of two lines.
    let whole = |text: &&str| ends.iter().all(|end| text.is_char_boundary((end - start) as usize));
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(whole) {
        batch.text.push_str(text);
        batch.ends.extend(ends.iter().map(|end| end - start));
    } else {
        for line in (from..from + count).filter_map(|index| lines.get(index)) {
            batch.text.push_str(&String::from_utf8_lossy(line.text));
            batch.ends.push(u32::try_from(batch.text.len()).unwrap_or(u32::MAX));
        }
    }
    from + count
}

/// Puts a batch's lines into `out` with the edits of a filter. The edits are checked whole before the first line moves:
/// nothing of a nonsensical answer is used.
pub fn apply(
    lines: &Lines,
    range: std::ops::Range<usize>,
    edits: Vec<Edit>,
    plugin: &str,
    out: &mut Lines,
) -> Result<(), String> {
    let mut changes: Vec<Option<Change>> = Vec::new();
    changes.resize_with(range.len(), || None);
    let mut bytes = 0;
    for edit in edits {
        check(&edit.change)?;
        bytes += text_len(&edit.change);
        let count = range.len();
        let place = changes
            .get_mut(edit.index as usize)
            .ok_or_else(|| format!("an edit of line {} in a batch of {count} lines", edit.index))?;
        if place.replace(edit.change).is_some() {
            return Err(format!("two edits of line {}", edit.index));
        }
    }
    if bytes > EDITED_BYTES_MAX {
        return Err(format!("edits with {bytes} bytes of text; at most {EDITED_BYTES_MAX}"));
    }
    // Lines between two that are edited move at once.
    let mut untouched = range.start;
    for (index, change) in range.clone().zip(changes) {
        let (Some(change), Some(line)) = (change, lines.get(index)) else { continue };
        out.extend_from(lines, untouched..index);
        untouched = index + 1;
        apply_one(line, change, plugin, out);
    }
    out.extend_from(lines, untouched..range.end);
    Ok(())
}

fn apply_one(line: LineRef<'_>, change: Change, plugin: &str, out: &mut Lines) {
    let (text, labels) = match change {
        Change::Drop => return,
        Change::Replace(text) => (Some(text), Vec::new()),
        Change::Annotate(labels) => (None, labels),
        Change::Rewrite((text, labels)) => (Some(text), labels),
    };
    let mut extras: Extras = line.extras.cloned().unwrap_or_default();
    extras.annotations.extend(labels.into_iter().map(|label| (label.key, label.value)));
    match text {
        Some(text) => {
            extras.changed_by.push(plugin.to_owned());
            out.push_with(line.head, text.as_bytes(), extras);
        }
        None => out.push_with(line.head, line.text, extras),
    }
}

fn check(change: &Change) -> Result<(), String> {
    let (text, labels): (&str, &[Label]) = match change {
        Change::Drop => ("", &[]),
        Change::Replace(text) => (text, &[]),
        Change::Annotate(labels) => ("", labels),
        Change::Rewrite((text, labels)) => (text, labels),
    };
    if text.contains('\n') {
        return Err("a line with a newline in it".into());
    }
    if labels.len() > ANNOTATIONS_MAX {
        return Err(format!("{} annotations of one line; at most {ANNOTATIONS_MAX}", labels.len()));
    }
    for label in labels {
        let key_good = !label.key.is_empty()
            && label.key.len() <= KEY_MAX
            && label.key.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
        if !key_good || label.value.len() > VALUE_MAX || label.value.chars().any(char::is_control) {
            return Err(format!(
                "an annotation that cannot be kept: a key has 1 to {KEY_MAX} characters of A-Z a-z 0-9 . _ / -, a value at \
                 most {VALUE_MAX} bytes without control characters"
            ));
        }
    }
    Ok(())
}

fn text_len(change: &Change) -> usize {
    match change {
        Change::Replace(text) | Change::Rewrite((text, _)) => text.len(),
        Change::Drop | Change::Annotate(_) => 0,
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
