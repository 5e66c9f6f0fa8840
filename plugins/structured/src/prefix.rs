//! What stands at the beginning of lines: blanks and colours, times, and forms that are a level by themselves.

use crate::level::Level;

/// Words that turn what follows into its opposite, or into prose.
pub const NEGATIONS: [&[u8]; 14] =
    [b"no", b"not", b"any", b"without", b"zero", b"an", b"a", b"the", b"some", b"of", b"with", b"for", b"No", b"Any"];

/// Bytes of blanks, colours, frames and a byte-order mark at the beginning.
pub fn blank(text: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += match &text[at..] {
            [b' ' | b'\t' | b'\r', ..] => 1,
            [0x1b, b'[', rest @ ..] => match rest.iter().position(|byte| matches!(byte, 0x40..=0x7e)) {
                Some(end) => end + 3,
                None => return text.len(),
            },
            // A byte-order mark; box drawing, U+2500 to U+257F.
            [0xef, 0xbb, 0xbf, ..] | [0xe2, 0x94 | 0x95, _, ..] => 3,
            _ => return at,
        };
    }
}

/// Forms that say a level by themselves and that no walk over words would find.
pub fn fixed(head: &[u8]) -> Option<Level> {
    match head[0] {
        b'<' => syslog(head),
        b'D' | b'I' | b'W' | b'E' | b'F' | b'C' => klog(head).or_else(|| letter(head)).or_else(|| beginning(head)),
        b'0'..=b'9' => redis(head).or_else(|| android(head)),
        b'A' | b'N' | b'P' | b'T' | b'#' | b':' | b'=' | b'g' | b'm' | b'n' | b'p' | b't' => beginning(head),
        _ => None,
    }
}

/// `<3>message` of syslog and sd-daemon: facility and severity in one number.
fn syslog(head: &[u8]) -> Option<Level> {
    /// Facility 23, severity 7.
    const PRIORITY_LAST: u64 = 191;
    let digits = head[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 3 || head.get(digits + 1) != Some(&b'>') || head.len() == digits + 2 {
        return None;
    }
    let number: u64 = std::str::from_utf8(&head[1..=digits]).ok()?.parse().ok()?;
    if number > PRIORITY_LAST { None } else { Level::of_severity(number % 8) }
}

/// `E0102 15:04:05.678901` of klog and glog, with or without the year.
fn klog(head: &[u8]) -> Option<Level> {
    let digits = head[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let level = Level::of_letter(head[0]).filter(|_| matches!(head[0], b'I' | b'W' | b'E' | b'F'));
    let time = head.get(digits + 2..digits + 10)?;
    (matches!(digits, 4 | 8) && head[digits + 1] == b' ' && is_clock(time)).then_some(level)?
}

/// `E, [2026-…` of Ruby, `E: message` of apt.
fn letter(head: &[u8]) -> Option<Level> {
    match head {
        [letter, b',', b' ', b'[', ..] | [letter @ (b'E' | b'W' | b'N'), b':', b' ', ..] => Level::of_letter(*letter),
        _ => None,
    }
}

/// `12:M 01 Jan 2026 12:00:00.000 # message` of Redis.
fn redis(head: &[u8]) -> Option<Level> {
    let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let [b':', b'X' | b'C' | b'S' | b'M', b' ', rest @ ..] = &head[digits..] else { return None };
    let mut words = rest.splitn(6, |byte| *byte == b' ');
    let time = words.nth(3)?;
    if !is_clock(time.get(..8)?) {
        return None;
    }
    match words.next()? {
        b"." | b"-" => Some(Level::Debug),
        b"*" => Some(Level::Info),
        b"#" => Some(Level::Warn),
        _ => None,
    }
}

/// `01-02 15:04:05.678  123  456 E Tag: message` of Android.
fn android(head: &[u8]) -> Option<Level> {
    let mut words = head.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (date, time) = (words.next()?, words.next()?);
    let numbers = [words.next()?, words.next()?];
    let level = words.next().filter(|word| word.len() == 1)?;
    let is_number = |word: &[u8]| word.iter().all(u8::is_ascii_digit);
    let fits = date.len() == 5 && date[2] == b'-' && is_clock(time.get(..8)?) && numbers.into_iter().all(is_number);
    if fits { Level::of_letter(level[0]) } else { None }
}

/// Beginnings that mean one thing.
const BEGINNINGS: [(&[u8], Level); 28] = [
    (b"Traceback (most recent call last)", Level::Error),
    (b"Exception in thread ", Level::Error),
    (b"thread '", Level::Fatal),
    (b"panic: ", Level::Fatal),
    (b"goroutine panic", Level::Fatal),
    (b"npm ERR!", Level::Error),
    (b"npm error ", Level::Error),
    (b"npm WARN ", Level::Warn),
    (b"npm warn ", Level::Warn),
    (b"npm notice ", Level::Info),
    (b"make: *** ", Level::Error),
    (b"make[1]: *** ", Level::Error),
    (b"make[2]: *** ", Level::Error),
    (b"make[3]: *** ", Level::Error),
    (b"PHP Fatal error:", Level::Fatal),
    (b"PHP Parse error:", Level::Fatal),
    (b"PHP Warning:", Level::Warn),
    (b"PHP Notice:", Level::Info),
    (b"PHP Deprecated:", Level::Warn),
    (b"##[error]", Level::Error),
    (b"##[warning]", Level::Warn),
    (b"::error", Level::Error),
    (b"::warning", Level::Warn),
    (b"=ERROR REPORT=", Level::Error),
    (b"=WARNING REPORT=", Level::Warn),
    (b"=INFO REPORT=", Level::Info),
    (b"=CRASH REPORT=", Level::Error),
    (b"Fatal error: ", Level::Fatal),
];

fn beginning(head: &[u8]) -> Option<Level> {
    if let Some(number) = head.strip_prefix(b"PRIORITY=") {
        return number.first().filter(|_| number.len() == 1).and_then(|digit| severity(*digit));
    }
    let (form, level) = BEGINNINGS.iter().find(|(form, _)| head.starts_with(form))?;
    let panicked = *form != b"thread '"
        || memchr::memmem::find(head, b"' panicked at").is_some()
        || memchr::memmem::find(head, b") panicked at").is_some();
    panicked.then_some(*level)
}

fn severity(digit: u8) -> Option<Level> {
    digit.is_ascii_digit().then(|| Level::of_severity(u64::from(digit - b'0'))).flatten()
}

/// `15:04:05`
fn is_clock(text: &[u8]) -> bool {
    text.len() == 8
        && text.iter().enumerate().all(|(at, byte)| if at % 3 == 2 { *byte == b':' } else { byte.is_ascii_digit() })
}

/// Whether something is, or begins with, a date or a time of day.
pub fn is_time(token: &[u8]) -> bool {
    let is_digit = |at: usize| token.get(at).is_some_and(u8::is_ascii_digit);
    let clock = |at: usize| {
        is_digit(at)
            && token.get(at + 1..).is_some_and(|rest| {
                let rest = if rest.first().is_some_and(u8::is_ascii_digit) { &rest[1..] } else { rest };
                matches!(rest, [b':', a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit())
            })
    };
    let date =
        is_digit(0) && is_digit(1) && is_digit(2) && is_digit(3) && matches!(token.get(4), Some(b'-' | b'/' | b'.'));
    date || clock(0) || (token.len() > 10 && memchr::memchr_iter(b':', token).any(|at| at >= 1 && clock(at - 1)))
}

/// A line and a column: `10:5`.
pub fn is_place(token: &[u8]) -> bool {
    let mut parts = token.split(|byte| *byte == b':');
    let number = |part: Option<&[u8]>| part.is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit));
    number(parts.next()) && number(parts.next()) && parts.next().is_none()
}

/// Words in times: months, days, zones, halves of the day.
pub fn is_of_time(word: &[u8]) -> bool {
    const WORDS: [&[u8]; 28] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec", b"Mon", b"Tue",
        b"Wed", b"Thu", b"Fri", b"Sat", b"Sun", b"UTC", b"GMT", b"CET", b"CEST", b"EST", b"PST", b"Z", b"AM", b"PM",
    ];
    WORDS.contains(&word)
}
