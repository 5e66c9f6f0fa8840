//! Answers, sound and unsound, cut anywhere.

use bytes::Bytes;
use corral_domain::{OutputStream, Position};
use proptest::prelude::*;

use crate::capsule::wire::{Answer, End, NOISE_BYTES_MAX, Word, is_id};

const BEGIN: &[u8] = b"Welcome!\ncorral feed 2\n\ncorral c0de 1\n";

/// Reads an answer that is cut at these places. What was put out joined, or what was said to be wrong.
fn read(answer: &[u8], cuts: &[usize], from: Position) -> Result<(Vec<Word>, Answer), String> {
    let mut reader = Answer::new("c0de", from);
    let mut words: Vec<Word> = Vec::new();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (answer.len() + 1)).chain([0, answer.len()]).collect();
    cuts.sort_unstable();
    for pair in cuts.windows(2) {
        reader.take(Bytes::copy_from_slice(&answer[pair[0]..pair[1]]))?;
        while let Some(word) = reader.next() {
            match (words.last_mut(), word) {
                (Some(Word::Output(last, bytes)), Word::Output(stream, more)) if *last == stream => {
                    *bytes = [&bytes[..], &more[..]].concat().into();
                }
                (_, word) => words.push(word),
            }
        }
    }
    Ok((words, reader))
}

fn after_begin(rest: &[u8]) -> Vec<u8> {
    [BEGIN, rest].concat()
}

#[test]
fn an_answer_is_understood_and_zero_bytes_and_newlines_are_bytes() {
    let answer = after_begin(b"S orphan\nO 5\na\n\0X E 3\nL KH\nX 143 5 3 full\nnever read");
    let (words, reader) = read(&answer, &[], Position::default()).unwrap();
    let sizes = Position { stdout: 5, stderr: 3 };
    assert_eq!(
        words,
        [
            Word::Started { orphan: true },
            Word::Output(OutputStream::Stdout, Bytes::from_static(b"a\n\0X ")),
            Word::Output(OutputStream::Stderr, Bytes::from_static(b"L K")),
            Word::End(End::Exited { code: 143, sizes, full: true }),
        ]
    );
    assert_eq!(reader.position(), sizes);
}

#[test]
fn what_is_not_in_the_table_is_quoted() {
    for wrong in [
        &b"Hello\n"[..],
        b"O\n",
        b"O -1\n",
        b"O 0\n",
        b"O 99999999\n",
        b"X 0\n",
        b"X 256 0 0 -\n",
        b"X 0 1 x -\n",
        b"\n",
        b"\xff\xfe\n",
        b"L\n",
        b"C\n",
        b"R\n",
        b"O 18446744073709551616\n",
    ] {
        let told = read(&after_begin(wrong), &[], Position::default()).unwrap_err();
        assert!(told.starts_with("it answered `"), "{told}");
    }
    let long = read(&after_begin(&vec![b'A'; 5000]), &[], Position::default()).unwrap_err();
    assert!(long.len() < 300 && long.contains("AAAA"), "{long}");
    let noise = read(&vec![b'B'; NOISE_BYTES_MAX + 1], &[], Position::default()).unwrap_err();
    assert!(noise.len() < 300 && noise.contains("BBBB"), "{noise}");
    let end = Position { stdout: u64::MAX, stderr: 0 };
    assert!(read(&after_begin(b"O 1\nx"), &[], end).is_err());
}

#[test]
fn an_answer_that_stops_says_where() {
    let at = |bytes: &[u8]| read(bytes, &[], Position::default()).unwrap().1.cut_short();
    assert_eq!(at(b"This account is not available.\n"), "it answered `This account is not available.`");
    assert_eq!(at(&after_begin(b"S\nX 0 1")), "its answer stops at `X 0 1`");
    assert_eq!(at(&after_begin(b"O 9\nabc")), "its answer stops in the middle");
}

#[test]
fn ids_are_names_of_folders_and_nothing_else() {
    assert!(is_id("0123456789abcdef0123456789abcdef-0123456789abcdef0123456789abcdef"));
    for wrong in ["", "-a", "..", "a/b", "a b", "a\n", "A", &"a".repeat(81)] {
        assert!(!is_id(wrong), "{wrong}");
    }
}

proptest! {
    /// Garbage is an error or is waited on; it is never a panic, and what is put out is never more than was sent.
    #[test]
    fn any_bytes_cut_anywhere_are_survived(
        bytes in prop::collection::vec(prop_oneof![3 => prop::sample::select(&b"OEXLNRSH 0123456789\n-"[..]), 1 => any::<u8>()], 0..300),
        begun in any::<bool>(),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let answer = if begun { after_begin(&bytes) } else { bytes.clone() };
        let whole = read(&answer, &[], Position::default()).map(|(words, reader)| (words, reader.position()));
        let cut = read(&answer, &cuts, Position::default()).map(|(words, reader)| (words, reader.position()));
        prop_assert_eq!(whole.is_ok(), cut.is_ok());
        if let (Ok((words, position)), Ok(cut)) = (whole, cut) {
            let output: usize = words.iter().map(|word| if let Word::Output(_, bytes) = word { bytes.len() } else { 0 }).sum();
            prop_assert!(output <= bytes.len());
            prop_assert!(output as u64 <= position.stdout + position.stderr);
            prop_assert_eq!((words, position), cut);
        }
    }

    /// However an answer is cut, each byte comes out in its order.
    #[test]
    fn a_sound_answer_comes_out_as_it_went_in(
        pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..50)), 0..10),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let mut answer = after_begin(b"S\n");
        let (mut out, mut err) = (Vec::new(), Vec::new());
        for (is_out, bytes) in &pieces {
            answer.extend_from_slice(format!("{} {}\n", if *is_out { "O" } else { "E" }, bytes.len()).as_bytes());
            answer.extend_from_slice(bytes);
            if *is_out { &mut out } else { &mut err }.extend_from_slice(bytes);
        }
        answer.extend_from_slice(format!("X 3 {} {} -\n", out.len(), err.len()).as_bytes());
        let (words, reader) = read(&answer, &cuts, Position::default()).unwrap();
        let joined = |wanted| words.iter().fold(Vec::new(), |mut all, word| {
            if let Word::Output(stream, bytes) = word && *stream == wanted { all.extend_from_slice(bytes); }
            all
        });
        prop_assert_eq!(joined(OutputStream::Stdout), out);
        prop_assert_eq!(joined(OutputStream::Stderr), err);
        let sizes = reader.position();
        prop_assert_eq!(words.last(), Some(&Word::End(End::Exited { code: 3, sizes, full: false })));
    }
}
