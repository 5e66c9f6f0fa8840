//! Ends the processes of a capsule.

use std::time::Duration;

use async_trait::async_trait;
use corral_domain::{AsUser, Timestamp};

use super::script::minimised;
use crate::cancel::{self, Known, Receipt};

/// What a machine runs beside the capsule.
#[async_trait]
pub(crate) trait Shell: Sync {
    /// Runs a script of POSIX sh and gives the beginning of its standard output.
    async fn capture(&self, script: &str, stdin: Option<Vec<u8>>, limit: Duration) -> Result<Vec<u8>, String>;
}

/// Ends them all; those of another account first, by that account, for only then may they be told to end.
pub(crate) async fn end(
    shell: &dyn Shell,
    id: &str,
    as_user: Option<&AsUser>,
    mark: &str,
    grace: Duration,
    at: Timestamp,
) -> corral_domain::Receipt {
    let limit = grace + cancel::ANSWER_SLACK;
    let before = minimised(include_str!("cancel.sh")).replace("@ID@", id);
    let elevated = match as_user {
        Some(user) => end_as(shell, id, user, mark, &before, grace).await,
        None => None,
    };
    let own = run(shell, &cancel::script_with(id, &before, &Known::default(), grace), None, limit).await;
    merged(elevated, own).to_domain(at)
}

/// As the other account. None: there is nothing that it could end.
async fn end_as(
    shell: &dyn Shell,
    id: &str,
    user: &AsUser,
    mark: &str,
    before: &str,
    grace: Duration,
) -> Option<Receipt> {
    let ask = format!("{before}above=\nsids=\nroots=\nknown\necho \"corral-known $above:$sids:$roots\"\n");
    let known = match shell.capture(&ask, None, cancel::ANSWER_SLACK).await {
        Ok(answer) => Known::parse(&answer)?,
        Err(why) => return Some(Receipt::Unknown(why)),
    };
    let (script, stdin) = user.elevate(&cancel::script_with(id, "", &known, grace), None, mark);
    Some(run(shell, &script, stdin, grace + cancel::ANSWER_SLACK).await)
}

async fn run(shell: &dyn Shell, script: &str, stdin: Option<Vec<u8>>, limit: Duration) -> Receipt {
    match shell.capture(script, stdin, limit).await {
        Ok(answer) => cancel::parse(&answer),
        Err(why) => Receipt::Unknown(why),
    }
}

/// The account's own look is the last one, and sees all processes: what it finds left is left.
fn merged(elevated: Option<Receipt>, own: Receipt) -> Receipt {
    match (elevated, own) {
        (Some(Receipt::Done { found: first, killed: killed_first, .. }), Receipt::Done { found, killed, left }) => {
            Receipt::Done { found: first.max(found), killed: killed_first.max(killed), left }
        }
        // What the other account could not do does not matter where nothing is left.
        (Some(Receipt::Unknown(why)), Receipt::Done { left, .. }) if !left.is_empty() => Receipt::Unknown(format!(
            "{} of its processes run as another account, as which they could not be ended: {why}",
            left.len()
        )),
        (_, own) => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_accounts_found_is_told_as_one() {
        let done = |found, killed, left: &[u32]| Receipt::Done { found, killed, left: left.to_vec() };
        assert_eq!(merged(Some(done(4, 1, &[9])), done(2, 0, &[])), done(4, 1, &[]));
        assert_eq!(merged(None, done(2, 0, &[])), done(2, 0, &[]));
        assert_eq!(merged(Some(Receipt::Unknown("sudo".to_owned())), done(1, 1, &[])), done(1, 1, &[]));
        assert!(matches!(merged(Some(Receipt::Unknown("sudo".to_owned())), done(1, 1, &[5])), Receipt::Unknown(_)));
    }
}
