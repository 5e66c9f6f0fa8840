//! Lines on their way to a filter and back. A filter sees text: bytes that are not UTF-8 are replaced in what it is
//! given. Lines that it does not change keep their own bytes.

use corral_domain::{Extras, LineRef, Lines};

use crate::bindings::corral::types::types::Label;
use crate::bindings::exports::corral::log_filter::filter::{Batch, Change, Edit};

/// Most lines in one batch; more gains nothing.
pub const BATCH_LINES: usize = 256;
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
    let mut index = from;
    while let Some(line) = lines.get(index) {
        if batch.ends.len() == BATCH_LINES || (index > from && batch.text.len() + line.text.len() > BATCH_BYTES) {
            break;
        }
        match std::str::from_utf8(line.text) {
            Ok(text) => batch.text.push_str(text),
            Err(_) => batch.text.push_str(&String::from_utf8_lossy(line.text)),
        }
        batch.ends.push(u32::try_from(batch.text.len()).unwrap_or(u32::MAX));
        index += 1;
    }
    index
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
    if edits.is_empty() {
        out.extend_from(lines, range);
        return Ok(());
    }
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
    for (change, line) in changes.into_iter().zip(range.map(|index| lines.get(index))) {
        if let Some(line) = line {
            apply_one(line, change, plugin, out);
        }
    }
    Ok(())
}

fn apply_one(line: LineRef<'_>, change: Option<Change>, plugin: &str, out: &mut Lines) {
    let (text, labels) = match change {
        None => return out.push_line(line),
        Some(Change::Drop) => return,
        Some(Change::Replace(text)) => (Some(text), Vec::new()),
        Some(Change::Annotate(labels)) => (None, labels),
        Some(Change::Rewrite((text, labels))) => (Some(text), labels),
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
