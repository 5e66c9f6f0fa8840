use corral_domain::{LineHead, OutputStream, Timestamp};

use super::*;

fn lines(texts: &[&[u8]]) -> Lines {
    let mut lines = Lines::default();
    for text in texts {
        let head = LineHead { at: Timestamp::from_millis(1), stream: OutputStream::Stdout, partial: false };
        lines.push(head, text);
    }
    lines
}

fn empty() -> Batch {
    Batch { first_line: 0, text: String::new(), ends: Vec::new() }
}

fn edited(texts: &[&[u8]], edits: Vec<Edit>) -> Result<Vec<Vec<u8>>, String> {
    let (lines, mut out) = (lines(texts), Lines::default());
    apply(&lines, 0..lines.len(), edits, "p", &mut out)?;
    Ok(out.iter().map(|line| line.text.to_vec()).collect())
}

#[test]
fn a_batch_holds_text_whatever_the_bytes_were() {
    // Half a character at the end of one line and the other half at the start of the next must not become one.
    let lines = lines(&[b"a\xc3", b"\xa9b", "é".as_bytes(), b""]);
    let mut batch = empty();
    assert_eq!(pack(&lines, 0, 7, &mut batch), 4);
    assert_eq!(batch.first_line, 7);
    let mut from = 0;
    let parts: Vec<&str> =
        batch.ends.iter().map(|end| &batch.text[std::mem::replace(&mut from, *end as usize)..*end as usize]).collect();
    assert_eq!(parts, ["a\u{fffd}", "\u{fffd}b", "é", ""]);
}

#[test]
fn batches_are_bounded_by_lines_and_by_bytes_and_always_go_on() {
    let long = vec![b'x'; BATCH_BYTES + 1];
    let lines = lines(&[b"a", &long, b"b"]);
    let mut batch = empty();
    assert_eq!(pack(&lines, 0, 0, &mut batch), 1);
    assert_eq!(pack(&lines, 1, 0, &mut batch), 2);
    assert_eq!(pack(&lines, 2, 0, &mut batch), 3);
    assert_eq!(pack(&lines, 3, 0, &mut batch), 3, "there is no fourth");
    assert!(batch.ends.is_empty());
    let many: Vec<&[u8]> = vec![b"y"; BATCH_LINES + 5];
    assert_eq!(pack(&self::lines(&many), 0, 0, &mut batch), BATCH_LINES);
    let odd: Vec<&[u8]> = (0..40_u8).map(|n| if n % 7 == 3 { &b"\xff\xc3"[..] } else { "dé".as_bytes() }).collect();
    assert_eq!(pack(&self::lines(&odd), 5, 0, &mut batch), 40);
    assert_eq!(batch.ends[..6], [3, 6, 9, 12, 15, 21], "from the line that it begins with");
}

#[test]
fn lines_without_an_edit_keep_their_own_bytes() {
    let edits = vec![Edit { index: 1, change: Change::Replace("***".into()) }];
    assert_eq!(
        edited(&[b"\xff\xfe", b"secret", b"\x00"], edits),
        Ok(vec![b"\xff\xfe".to_vec(), b"***".to_vec(), b"\x00".to_vec()])
    );
}

#[test]
fn every_kind_of_edit_does_what_it_says() {
    let label = || vec![Label { key: "level".into(), value: "error".into() }];
    let edits = vec![
        Edit { index: 3, change: Change::Rewrite(("new".into(), label())) },
        Edit { index: 0, change: Change::Drop },
        Edit { index: 2, change: Change::Annotate(label()) },
    ];
    let lines = lines(&[b"a", b"b", b"c", b"d"]);
    let mut out = Lines::default();
    apply(&lines, 0..4, edits, "redact", &mut out).unwrap();
    let texts: Vec<_> = out.iter().map(|line| line.text.to_vec()).collect();
    assert_eq!(texts, [b"b".to_vec(), b"c".to_vec(), b"new".to_vec()]);
    assert_eq!(out.get(0).unwrap().extras, None);
    assert_eq!(out.get(1).unwrap().extras.unwrap().changed_by, Vec::<String>::new());
    assert_eq!(out.get(2).unwrap().extras.unwrap().changed_by, ["redact"]);
    assert_eq!(out.get(2).unwrap().extras.unwrap().annotations["level"], "error");
}

#[test]
fn nonsense_is_refused_before_any_line_moves() {
    let edit = |index, change| Edit { index, change };
    for edits in [
        vec![edit(0, Change::Drop), edit(2, Change::Drop)],
        vec![edit(u32::MAX, Change::Drop)],
        vec![edit(0, Change::Drop), edit(0, Change::Replace("x".into()))],
        vec![edit(0, Change::Replace("a\nb".into()))],
        vec![edit(0, Change::Annotate(vec![Label { key: "a b".into(), value: String::new() }]))],
        vec![edit(0, Change::Annotate(vec![Label { key: "a".into(), value: "x".repeat(2000) }]))],
        vec![edit(
            0,
            Change::Annotate((0..17).map(|i| Label { key: format!("k{i}"), value: String::new() }).collect()),
        )],
        vec![edit(0, Change::Replace("x".repeat(5 << 20)))],
    ] {
        let lines = lines(&[b"a", b"b"]);
        let mut out = Lines::default();
        assert!(apply(&lines, 0..2, edits, "p", &mut out).is_err());
        assert!(out.is_empty());
    }
}
