//! Ends all processes of a command that was cancelled.
//!
//! SSH's own means are not enough: OpenSSH before 10 ignores the `signal` request, and closing a channel kills nothing.
//! So a small script runs on the machine beside the command. It finds the processes by the cookie that they inherited
//! or were started with, by the session that the first of them leads, and by descent; asks them to end, waits, and ends them.
//!
//! The cookie is looked for by a pattern that is not itself what it finds: sudo keeps the command's text in the environment.

use std::time::Duration;

use corral_domain::{SURVIVORS_MAX, Timestamp};

use crate::wrap::COOKIE_VARIABLE;

/// Time beyond the grace after which an answer of the script is no longer waited for.
pub(crate) const ANSWER_SLACK: Duration = Duration::from_secs(20);
/// Longest answer that is read.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What is known after the script ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// It found processes, or none.
    Done {
        /// How many were found.
        found: usize,
        /// How many of them outlived the grace and were killed.
        killed: usize,
        /// Those that are still there.
        left: Vec<u32>,
    },
    /// The machine has no `/proc`, so that processes cannot be found.
    NoProc,
    /// The script did not answer, or not as expected.
    Unknown(String),
}

/// Processes that are known to belong to a command without their mark, as lists of pids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Known {
    /// Its supervisor, which is not one of them, but its children are.
    above: String,
    /// Leaders of its sessions.
    sids: String,
    /// Processes of its own.
    roots: String,
}

impl Known {
    /// Reads `corral-known SUPERVISOR:SESSIONS:PROCESSES` out of an answer.
    pub(crate) fn parse(answer: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(answer);
        let line = text.lines().find_map(|line| line.strip_prefix("corral-known "))?;
        let mut lists = line.splitn(3, ':').map(|list| {
            let sound = list.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ');
            (sound && list.len() <= ANSWER_BYTES_MAX).then(|| list.to_owned())
        });
        Some(Self { above: lists.next()??, sids: lists.next()??, roots: lists.next()?? })
    }
}

const SCRIPT: &str = r#"
[ -r /proc/self/environ ] || { echo noproc; exit 0; }
above="@ABOVE@"
sids="@SIDS@"
roots="@ROOTS@"
known() { :; }
@BEFORE@
tree() {
  marked=$(grep -ls "@VAR@[=]@COOKIE@" /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | tr '\n' ' ')
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v marked="$marked $roots" -v sids="$sids" -v me="$$" -v above="$above" '
    BEGIN { n = split(marked, m, " "); for (i = 1; i <= n; i++) own[m[i]] = 1
            n = split(sids, m, " "); for (i = 1; i <= n; i++) session[m[i]] = 1 }
    { pid = $1 + 0; rest = $0; sub(/^.*\) /, "", rest); split(rest, f, " ")
      if (f[1] == "Z" || f[1] == "X" || pid <= 1 || pid == me || pid == above) { delete own[pid]; next }
      parent[pid] = f[2]; sid[pid] = f[4] }
    END {
      for (p in own) if (!(p in sid)) delete own[p]
      for (p in own) if (sid[p] == p) session[p] = 1
      do { more = 0
        for (p in sid) if (!(p in own) && ((sid[p] in session) || (parent[p] in own) || (above != "" && parent[p] == above))) { own[p] = 1; more = 1 }
      } while (more)
      line = ""; for (p in own) line = line " " p
      lead = ""; for (s in session) lead = lead " " s
      print lead ":" line }'
}
look() { known; seen=$(tree); sids=${seen%%:*}; pids=${seen#*:}; }
nap() { sleep 0.1 2>/dev/null || sleep 1; }
n=0; look
while [ -z "$pids" ] && [ $n -lt @PATIENCE@ ]; do n=$((n+1)); nap; look; done
set -- $pids; found=$#
[ $found -gt 0 ] && { kill -TERM $pids; kill -CONT $pids; } 2>/dev/null
n=0; while [ -n "$pids" ] && [ $n -lt @TENTHS@ ]; do n=$((n+1)); nap; look; done
set -- $pids; killed=$#; [ $found -lt $killed ] && found=$killed
n=0; while [ -n "$pids" ] && [ $n -lt 20 ]; do n=$((n+1)); kill -KILL $pids 2>/dev/null; nap; look; done
echo "corral-cancel $found $killed $pids"
"#;

/// Tenths of a second for which the script looks again when it finds nothing: the command may only just be starting.
const PATIENCE_TENTHS: &str = "5";

/// The script for the processes that carry a cookie.
pub(crate) fn script(cookie: &str, grace: Duration) -> String {
    script_with(cookie, "", &Known::default(), grace)
}

/// The same with what is known besides. `before` may define `known`, which is called before each look and sets `above`,
/// `sids` and `roots`.
pub(crate) fn script_with(cookie: &str, before: &str, known: &Known, grace: Duration) -> String {
    SCRIPT
        .replace("@BEFORE@", before)
        .replace("@ABOVE@", &known.above)
        .replace("@SIDS@", &known.sids)
        .replace("@ROOTS@", &known.roots)
        .replace("@VAR@", COOKIE_VARIABLE)
        .replace("@COOKIE@", cookie)
        .replace("@PATIENCE@", PATIENCE_TENTHS)
        .replace("@TENTHS@", &grace.as_millis().div_ceil(100).to_string())
}

/// Reads the script's answer.
pub(crate) fn parse(answer: &[u8]) -> Receipt {
    let text = String::from_utf8_lossy(answer);
    for line in text.lines() {
        if line == "noproc" {
            return Receipt::NoProc;
        }
        let Some(rest) = line.strip_prefix("corral-cancel ") else { continue };
        let mut numbers = rest.split_ascii_whitespace().map(str::parse::<u32>);
        if let (Some(Ok(found)), Some(Ok(killed))) = (numbers.next(), numbers.next()) {
            let left: Vec<u32> = numbers.filter_map(Result::ok).collect();
            return Receipt::Done { found: found as usize, killed: killed as usize, left };
        }
    }
    Receipt::Unknown(format!("the machine answered `{}`", crate::failure::quote_bytes(answer)))
}

impl Receipt {
    /// As it is kept with the task.
    pub(crate) fn to_domain(&self, at: Timestamp) -> corral_domain::Receipt {
        let nothing = corral_domain::Receipt::nothing_started(at);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        match self {
            Self::Done { found, killed, left } => corral_domain::Receipt {
                signalled: count(*found),
                killed: count(*killed),
                gone: count(found.saturating_sub(left.len())),
                survivors: left.iter().copied().take(SURVIVORS_MAX).collect(),
                ..nothing
            },
            Self::NoProc => corral_domain::Receipt {
                unknown: "TERM was sent, but the machine has no /proc, so its processes cannot be looked for"
                    .to_owned(),
                ..nothing
            },
            Self::Unknown(why) => corral_domain::Receipt { unknown: why.clone(), ..nothing },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_taken_over_into_a_script() {
        assert_eq!(
            Known::parse(b"motd\ncorral-known 7: 8 9:8\n"),
            Some(Known { above: "7".to_owned(), sids: " 8 9".to_owned(), roots: "8".to_owned() })
        );
        assert_eq!(Known::parse(b"corral-known 7:$(reboot):8\n"), None);
        assert_eq!(Known::parse(b"corral-cancel 0 0 \n"), None);
    }

    #[test]
    fn the_answer_says_what_is_known() {
        let done = |found, killed, left: &[u32]| Receipt::Done { found, killed, left: left.to_vec() };
        assert_eq!(parse(b"motd\ncorral-cancel 3 0 \n"), done(3, 0, &[]));
        assert_eq!(done(3, 1, &[77]).to_domain(Timestamp::default()).gone, 2);
        assert_eq!(parse(b"noproc\n"), Receipt::NoProc);
        assert!(matches!(parse(b"sh: awk: not found"), Receipt::Unknown(_)));
    }
}
