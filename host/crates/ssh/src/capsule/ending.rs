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

/// Ends them all; those of another account first, by that account, for only then may they be told to end. An error: the
/// machine could not be asked.
pub(crate) async fn end(
    shell: &dyn Shell,
    id: &str,
    as_user: Option<&AsUser>,
    mark: &str,
    grace: Duration,
    at: Timestamp,
) -> Result<corral_domain::Receipt, String> {
    let limit = grace + cancel::ANSWER_SLACK;
    let before = minimised(include_str!("sh/cancel.sh")).replace("@ID@", id);
    let elevated = match as_user {
        Some(user) => end_as(shell, id, user, mark, &before, grace).await,
        None => None,
    };
    let script = cancel::script_with(id, &before, &Known::default(), grace);
    let own = cancel::parse(&shell.capture(&script, None, limit).await?);
    Ok(merged(elevated, own).to_domain(at))
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
    Some(look_as(shell, id, user, mark, &known, grace).await)
}

/// Ends the processes of a command without a capsule. Those of another account only that account sees, so that the look of
/// one's own account says nothing of them.
pub(crate) async fn end_bare(
    shell: &dyn Shell,
    cookie: &str,
    as_user: Option<&AsUser>,
    mark: &str,
    grace: Duration,
) -> Receipt {
    let elevated = match as_user {
        Some(user) => Some((user, look_as(shell, cookie, user, mark, &Known::default(), grace).await)),
        None => None,
    };
    let own = match shell.capture(&cancel::script(cookie, grace), None, grace + cancel::ANSWER_SLACK).await {
        Ok(answer) => cancel::parse(&answer),
        Err(why) => Receipt::Unknown(why),
    };
    match elevated {
        Some((user, Receipt::Unknown(why))) => Receipt::Unknown(format!(
            "it runs as {}, as which it could not be ended: {why}; it may still run",
            user.user
        )),
        Some((_, elevated)) => merged(Some(elevated), own),
        None => own,
    }
}

/// What the other account finds and ends.
async fn look_as(shell: &dyn Shell, id: &str, user: &AsUser, mark: &str, known: &Known, grace: Duration) -> Receipt {
    let (script, stdin) = user.elevate(&cancel::script_with(id, "", known, grace), None, mark);
    match shell.capture(&script, stdin, grace + cancel::ANSWER_SLACK).await {
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
    use std::sync::Mutex;

    use super::*;

    /// Answers one after another; keeps what it was asked.
    struct Told {
        answers: Mutex<Vec<&'static str>>,
        asked: Mutex<Vec<(String, Option<Vec<u8>>)>>,
    }

    #[async_trait]
    impl Shell for Told {
        async fn capture(&self, script: &str, stdin: Option<Vec<u8>>, _limit: Duration) -> Result<Vec<u8>, String> {
            self.asked.lock().unwrap().push((script.to_owned(), stdin));
            match self.answers.lock().unwrap().pop() {
                Some(answer) => Ok(answer.as_bytes().to_vec()),
                None => Err("the connection broke".to_owned()),
            }
        }
    }

    fn told(answers: &[&'static str]) -> Told {
        Told { answers: Mutex::new(answers.iter().rev().copied().collect()), asked: Mutex::default() }
    }

    #[tokio::test]
    async fn processes_of_another_account_are_ended_by_it_with_its_password_on_standard_input_only() {
        let shell = told(&["corral-known 7: 8:8\n", "corral-cancel 3 1 \n", "corral-cancel 1 0 \n"]);
        let user = AsUser { user: "app".to_owned(), password: Some("hunter2".to_owned()) };
        let (grace, at) = (Duration::from_secs(1), Timestamp::default());
        let receipt = end(&shell, "ab-cd", Some(&user), "m4rk", grace, at).await.unwrap();
        assert_eq!((receipt.signalled, receipt.killed, receipt.gone), (3, 1, 3));
        let asked = shell.asked.lock().unwrap();
        assert!(asked[1].0.contains("sudo -S") && asked[1].0.contains("sids=\" 8\""), "{}", asked[1].0);
        assert_eq!(asked[1].1.as_deref(), Some(&b"hunter2\nm4rk\n"[..]));
        assert!(asked.iter().all(|(script, _)| !script.contains("hunter2")));
    }

    #[tokio::test]
    async fn a_machine_that_cannot_be_asked_gives_no_receipt() {
        let (grace, at) = (Duration::from_secs(1), Timestamp::default());
        assert!(end(&told(&[]), "ab-cd", None, "m4rk", grace, at).await.is_err());
        let nonsense = end(&told(&["motd\n"]), "ab-cd", None, "m4rk", grace, at).await.unwrap();
        assert!(nonsense.unknown.contains("motd"), "{nonsense:?}");
    }

    #[tokio::test]
    async fn without_a_capsule_one_account_does_not_answer_for_another() {
        let user = AsUser { user: "app".to_owned(), password: None };
        let grace = Duration::from_secs(1);
        let both = told(&["corral-cancel 2 1 \n", "corral-cancel 0 0 \n"]);
        let receipt = end_bare(&both, "c00c1e", Some(&user), "m4rk", grace).await;
        assert_eq!(receipt, Receipt::Done { found: 2, killed: 1, left: Vec::new() });
        let refused = told(&["", "corral-cancel 0 0 \n"]);
        let receipt = end_bare(&refused, "c00c1e", Some(&user), "m4rk", grace).await;
        assert!(matches!(&receipt, Receipt::Unknown(why) if why.contains("runs as app")), "{receipt:?}");
    }

    #[test]
    fn what_two_accounts_found_is_told_as_one() {
        let done = |found, killed, left: &[u32]| Receipt::Done { found, killed, left: left.to_vec() };
        assert_eq!(merged(Some(done(4, 1, &[9])), done(2, 0, &[])), done(4, 1, &[]));
        assert_eq!(merged(None, done(2, 0, &[])), done(2, 0, &[]));
        assert_eq!(merged(Some(Receipt::Unknown("sudo".to_owned())), done(1, 1, &[])), done(1, 1, &[]));
        assert!(matches!(merged(Some(Receipt::Unknown("sudo".to_owned())), done(1, 1, &[5])), Receipt::Unknown(_)));
    }
}
