//! What a machine is: one small script, and what is believed of its answer.
//!
//! The script reads `/proc` by the shell itself, so that on Linux it starts four programs (`uname` twice, `getconf`, `df`); what
//! Linux has not is asked of macOS's `sysctl` and `sw_vers`. The answer is text from a machine that may be anything: each
//! line is taken only in its own form and within bounds, and what follows from it is shown, nothing more.

use std::time::Duration;

use corral_domain::{Facts, Timestamp, Vm};
use corral_engine::ports::Failure;

use crate::failure::{failure, quote_bytes};

/// Longest that a machine may take to answer, connecting and waiting for a place included.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(30);
/// Longest answer that is looked at, in bytes.
pub(crate) const ANSWER_BYTES_MAX: usize = 8 << 10;
/// Longest text of one fact, in characters.
const TEXT_CHARS_MAX: usize = 120;
/// More processors than any machine has.
const CPUS_MAX: u32 = 1 << 16;
/// More bytes than any machine has: 2^60, an exbibyte.
const BYTES_MAX: u64 = 1 << 60;
/// Longer than any machine was up: a hundred years, in seconds.
const UPTIME_SECONDS_MAX: u64 = 100 * 366 * 86_400;
/// Higher than any load.
const LOAD_MAX: f64 = 1e6;
/// What the account's shell prints unasked comes before this line.
const MARK: &str = "corral-facts";

/// Prints the mark and then a fact a line, its name first. Whatever is not there is left out.
pub(crate) const SCRIPT: &str = r#"PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin LC_ALL=C
export PATH LC_ALL
exec 2>/dev/null
echo corral-facts
for f in /etc/os-release /usr/lib/os-release; do
  [ -r "$f" ] || continue
  while IFS= read -r l; do case $l in PRETTY_NAME=*) echo "os ${l#*=}";; esac; done <"$f"
  break
done
[ -r "$f" ] || echo "os $(sw_vers -productName) $(sw_vers -productVersion)"
echo "kernel $(uname -sr)"
echo "arch $(uname -m)"
echo "cpus $(getconf _NPROCESSORS_ONLN || nproc || sysctl -n hw.ncpu)"
if [ -r /proc/meminfo ]; then
  while read -r k v u; do [ "$k" = MemTotal: ] && echo "memory_kib $v" && break; done </proc/meminfo
  read -r v u </proc/uptime && echo "uptime $v"
  read -r v u </proc/loadavg && echo "load $v"
else
  echo "memory $(sysctl -n hw.memsize)"
  b=$(sysctl -n kern.boottime); b=${b#*sec = }; echo "uptime $(($(date +%s) - ${b%%,*}))"
  v=$(sysctl -n vm.loadavg); v=${v#??}; echo "load ${v%% *}"
fi
df -P -k / | while read -r d t u a r; do echo "disk $t $a"; done
exit 0"#;

/// What is believed of an answer; `None` if it is none.
pub(crate) fn parse(answer: &[u8], now: Timestamp) -> Option<Facts> {
    let text = String::from_utf8_lossy(&answer[..answer.len().min(ANSWER_BYTES_MAX)]);
    let mut lines = text.lines();
    lines.find(|line| *line == MARK)?;
    let mut facts = Facts { gathered_at: now, ..Facts::default() };
    for line in lines {
        let Some((name, value)) = line.split_once(' ') else { continue };
        match name {
            "os" => first(&mut facts.os, os_name(value)),
            "kernel" => first(&mut facts.kernel, plain(value)),
            "arch" => first(&mut facts.arch, plain(value)),
            "cpus" => first(&mut facts.cpus, within(value, 1, u64::from(CPUS_MAX)).and_then(|n| n.try_into().ok())),
            "memory" => first(&mut facts.memory_bytes, within(value, 1, BYTES_MAX)),
            "memory_kib" => first(&mut facts.memory_bytes, kib(value)),
            "uptime" => first(&mut facts.uptime_seconds, whole_part(value, UPTIME_SECONDS_MAX)),
            "load" => first(&mut facts.load_1, load(value)),
            "disk" => disk(&mut facts, value),
            _ => {}
        }
    }
    Some(facts)
}

/// The machine did not run the script to its end.
pub(crate) fn failure_of(vm: &Vm, why: &str) -> Failure {
    let remedy = "check that the account can run /bin/sh and that no forced command (command= in authorized_keys) stands in the way";
    failure("exec", format!("{} told nothing of itself: {why}", vm.name), remedy)
}

/// Why a machine told nothing in time.
pub(crate) fn too_slow() -> String {
    format!("no answer within {} s", TIME_MAX.as_secs())
}

/// The machine answered something else.
pub(crate) fn not_understood(vm: &Vm, answer: &[u8]) -> Failure {
    failure_of(vm, &format!("it answered `{}`", quote_bytes(answer)))
}

/// The first answer counts: nothing that comes later can take its place.
fn first<T>(fact: &mut Option<T>, value: Option<T>) {
    if fact.is_none() {
        *fact = value;
    }
}

/// A value of `os-release`, which is a word of shell: in quotes or not, some characters behind a backslash.
fn os_name(value: &str) -> Option<String> {
    let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let mut name = String::new();
    let mut chars = quoted.unwrap_or(value).chars();
    while let Some(c) = chars.next() {
        name.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain(&name)
}

/// Text that can be shown: of a bounded length, without control characters or what changes the direction of writing.
fn plain(value: &str) -> Option<String> {
    let turns = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER || turns(c);
    let value = value.trim();
    let fits = !value.is_empty() && value.chars().count() <= TEXT_CHARS_MAX && !value.contains(odd);
    fits.then(|| value.to_owned())
}

/// Digits and nothing else, within bounds.
fn within(value: &str, min: u64, max: u64) -> Option<u64> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| value.parse().ok()).flatten()?;
    (min..=max).contains(&number).then_some(number)
}

fn kib(value: &str) -> Option<u64> {
    within(value, 0, BYTES_MAX >> 10).map(|kib| kib << 10)
}

fn whole_part(value: &str, max: u64) -> Option<u64> {
    within(value.split_once('.').map_or(value, |(whole, _)| whole), 0, max)
}

fn load(value: &str) -> Option<f64> {
    let numeric = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let load: f64 = numeric.then(|| value.parse().ok()).flatten()?;
    (load.is_finite() && load <= LOAD_MAX).then_some(load)
}

/// Size and free room together, or neither. The heading of `df` has no digits and falls out.
fn disk(facts: &mut Facts, value: &str) {
    let mut words = value.split(' ');
    let (Some(size), Some(free), None) = (words.next().and_then(kib), words.next().and_then(kib), words.next()) else {
        return;
    };
    if facts.disk_bytes.is_none() && size > 0 && free <= size {
        (facts.disk_bytes, facts.disk_free_bytes) = (Some(size), Some(free));
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn answer_of(shell: &[&str]) -> Vec<u8> {
        let output = Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(SCRIPT).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{shell:?}: {output:?}");
        output.stdout
    }

    #[test]
    fn every_shell_tells_the_same_of_this_machine() {
        let expected = parse(&answer_of(&["/bin/sh"]), Timestamp::from_millis(7)).unwrap();
        assert!(expected.os.is_some() && expected.kernel.is_some() && expected.arch.is_some(), "{expected:?}");
        assert!(expected.cpus.is_some() && expected.memory_bytes.is_some(), "{expected:?}");
        assert!(expected.disk_bytes.is_some() && expected.disk_free_bytes <= expected.disk_bytes, "{expected:?}");
        assert!(expected.uptime_seconds.is_some() && expected.load_1.is_some(), "{expected:?}");
        assert_eq!(expected.gathered_at, Timestamp::from_millis(7));
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let told = parse(&answer_of(shell), Timestamp::from_millis(7)).unwrap();
            // What changes from one moment to the next is not compared.
            let told = Facts {
                uptime_seconds: expected.uptime_seconds,
                load_1: expected.load_1,
                disk_free_bytes: expected.disk_free_bytes,
                ..told
            };
            assert_eq!(told, expected, "{shell:?}");
        }
    }

    #[test]
    fn an_answer_of_macos_is_understood_and_a_banner_before_it_is_not_taken_for_it() {
        let answer = "os of the banner\ncorral-facts\nos macOS 15.1\nkernel Darwin 24.1.0\narch arm64\ncpus 10\n\
            memory 17179869184\nuptime 86399\nload 2.31\ndisk 1024-blocks Available\ndisk 971350180 541238096\n";
        let facts = parse(answer.as_bytes(), Timestamp::default()).unwrap();
        assert_eq!(facts.os.as_deref(), Some("macOS 15.1"));
        assert_eq!((facts.cpus, facts.memory_bytes), (Some(10), Some(17_179_869_184)));
        assert_eq!((facts.uptime_seconds, facts.load_1), (Some(86_399), Some(2.31)));
        assert_eq!(facts.disk_bytes, Some(971_350_180 << 10));
    }

    #[test]
    fn what_cannot_be_is_left_out_and_what_was_told_first_stays() {
        let answer = "corral-facts\nos \"Evil\u{1b}[2J\"\nos \"a \\\"b\\\" \\$c\"\nos later\nkernel \u{202e}xuniL\narch \ncpus 0\n\
            cpus -1\ncpus 99999999\nmemory 18446744073709551616\nmemory_kib 1e3\nuptime 1e9\nload NaN\nload inf\nload 1e9\nload .\n\
            disk 10 11\ndisk 10 5 3\n";
        let facts = parse(answer.as_bytes(), Timestamp::default()).unwrap();
        assert_eq!(facts, Facts { os: Some("a \"b\" $c".to_owned()), ..Facts::default() });
        assert_eq!(parse(b"This account is currently not available.\n", Timestamp::default()), None);
        assert_eq!(parse(b"", Timestamp::default()), None);
    }

    proptest! {
        #[test]
        fn no_answer_is_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..400), name in "os|kernel|cpus|disk|load|uptime") {
            let mut answer = format!("{MARK}\n{name} ").into_bytes();
            answer.extend(&bytes);
            let facts = parse(&answer, Timestamp::default()).unwrap();
            let text = [&facts.os, &facts.kernel, &facts.arch].into_iter().flatten().cloned().collect::<String>();
            prop_assert!(!text.contains(char::is_control));
            prop_assert!(facts.load_1.is_none_or(f64::is_finite));
        }
    }
}
