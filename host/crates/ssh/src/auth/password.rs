//! Passwords: by the method of that name, or by keyboard-interactive, where one question is asked that looks like one for it.

use corral_engine::ports::{Failure, SecretText};
use russh::MethodKind;
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse, Prompt};

use super::{Attempt, STEP, broke, names};
use crate::failure::{failure, quote_bytes};

/// Rounds of questions that are answered; a password is asked for in one, and empty ones may stand around it.
const ROUNDS_MAX: usize = 8;

/// Whether a password is among what a server asks for.
pub(super) fn is_wanted(methods: &[MethodKind]) -> bool {
    methods.iter().any(|method| matches!(method, MethodKind::Password | MethodKind::KeyboardInteractive))
}

impl Attempt<'_> {
    /// The account's password from a secret.
    pub(super) async fn with_password(&mut self, secret: &str) -> Result<String, Failure> {
        let value = self.reveal(secret).await?;
        // Asking for nothing tells what is taken, and counts as no failure.
        let methods = match self.handle.authenticate_none(&self.user).await {
            Ok(AuthResult::Success) => {
                return Ok(format!("as {}, without any proof: the server asks for none", self.user));
            }
            Ok(AuthResult::Failure { remaining_methods, .. }) => remaining_methods,
            Err(error) => return Err(broke(&error.to_string())),
        };
        if !is_wanted(&methods) {
            return Err(failure(
                STEP,
                format!("the server takes no password for user {}: it takes {}", self.user, names(&methods)),
                "use a key, or allow passwords in sshd_config (PasswordAuthentication, KbdInteractiveAuthentication)",
            ));
        }
        let shown = format!("the password of the secret `{secret}`");
        self.answer(&methods, &value, secret, &shown).await?;
        Ok(format!("as {} with {shown}", self.user))
    }

    /// Gives the password in one of the ways that are asked for. `shown`: what was given before or is given now.
    pub(super) async fn answer(
        &mut self,
        methods: &[MethodKind],
        value: &SecretText,
        secret: &str,
        shown: &str,
    ) -> Result<(), Failure> {
        if !methods.contains(&MethodKind::Password) {
            return self.interactive(value, secret, shown).await;
        }
        match self.handle.authenticate_password(&self.user, value.expose()).await {
            Ok(AuthResult::Success) => Ok(()),
            Ok(AuthResult::Failure { partial_success: true, remaining_methods }) => {
                Err(self.wants_more(shown, &remaining_methods))
            }
            Ok(AuthResult::Failure { .. }) => Err(self.wrong_password(secret)),
            Err(error) => Err(broke(&error.to_string())),
        }
    }

    async fn interactive(&mut self, value: &SecretText, secret: &str, shown: &str) -> Result<(), Failure> {
        use KeyboardInteractiveAuthResponse as Reply;
        let mut answered = false;
        let mut reply = self.handle.authenticate_keyboard_interactive_start(&self.user, None).await;
        for _ in 0..ROUNDS_MAX {
            let answers = match reply.map_err(|error| broke(&error.to_string()))? {
                Reply::Success => return Ok(()),
                Reply::Failure { partial_success: true, remaining_methods } => {
                    return Err(self.wants_more(shown, &remaining_methods));
                }
                Reply::Failure { .. } => return Err(self.wrong_password(secret)),
                Reply::InfoRequest { prompts, .. } => match prompts.as_slice() {
                    [] => Vec::new(),
                    [prompt] if !answered && asks_for_password(prompt) => {
                        answered = true;
                        vec![value.expose().to_owned()]
                    }
                    prompts => return Err(self.strange_questions(prompts)),
                },
            };
            reply = self.handle.authenticate_keyboard_interactive_respond(answers).await;
        }
        Err(failure(STEP, "the server asks questions without end", "look at the PAM configuration of its sshd"))
    }

    fn wrong_password(&self, secret: &str) -> Failure {
        failure(
            STEP,
            format!(
                "permission denied for user {} on {}: the password of the secret `{secret}` was not accepted",
                self.user, self.vm.name
            ),
            format!(
                "set it anew with `corral secret set {secret}`; on the machine, the account may be locked or not allowed in"
            ),
        )
    }

    fn strange_questions(&self, prompts: &[Prompt]) -> Failure {
        let shown: Vec<_> =
            prompts.iter().take(ROUNDS_MAX).map(|it| format!("`{}`", quote_bytes(it.prompt.as_bytes()))).collect();
        failure(
            STEP,
            format!("{} asks for more than the password of {}: {}", self.vm.name, self.user, shown.join(", ")),
            "only one question for a password can be answered; let the account in with a key, or without the other \
             questions, and change a password that has expired by hand",
        )
    }
}

/// Whether the answer is the account's password: hidden, and not one for something else that is hidden too.
fn asks_for_password(prompt: &Prompt) -> bool {
    const OTHERS: [&str; 9] = ["code", "otp", "token", "pin", "one-time", "new", "retype", "current", "passcode"];
    let text = prompt.prompt.to_lowercase();
    let words = || text.split(|c: char| !c.is_alphanumeric() && c != '-');
    !prompt.echo && !words().any(|word| OTHERS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(prompt: &str, echo: bool) -> bool {
        asks_for_password(&Prompt { prompt: prompt.to_owned(), echo })
    }

    #[test]
    fn only_a_hidden_question_for_the_password_is_answered_with_it() {
        for asked in ["Password: ", "root@web-1's password:", "Passwort: ", "(root@10.0.0.1) Password for root:"] {
            assert!(password(asked, false), "{asked}");
        }
        for asked in
            ["Verification code: ", "One-time password (OATH): ", "New password: ", "Current password:", "PIN:"]
        {
            assert!(!password(asked, false), "{asked}");
        }
        assert!(!password("Password: ", true), "what is shown as it is typed is no password");
    }
}
