//! What a task executes.

use serde::{Deserialize, Serialize};

use crate::{quote_argv, quote_word};

/// A command as a person or a template gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandLine {
    /// Words. The host quotes them; no shell sees them unquoted.
    Argv(Vec<String>),
    /// Shell text that a person typed, run by the account's `sh`.
    Script(String),
}

impl CommandLine {
    /// The text that `sh -c` on the VM is given.
    pub fn to_shell(&self) -> String {
        match self {
            Self::Argv(argv) => quote_argv(argv),
            Self::Script(script) => script.clone(),
        }
    }

    /// Whether there is nothing to run.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Argv(argv) => argv.first().is_none_or(String::is_empty),
            Self::Script(script) => script.trim().is_empty(),
        }
    }

    /// Length of all text in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Argv(argv) => argv.iter().map(|word| word.len() + 1).sum(),
            Self::Script(script) => script.len(),
        }
    }

    /// Whether a NUL stands somewhere, which no command can carry.
    pub fn has_nul(&self) -> bool {
        match self {
            Self::Argv(argv) => argv.iter().any(|word| word.contains('\0')),
            Self::Script(script) => script.contains('\0'),
        }
    }
}

/// A command as one VM gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderedCommand {
    /// What is executed.
    pub command: CommandLine,
    /// Variables set for it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
    /// Folder in which it starts; the account's home without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// Standard input. May be secret: never written to disk, shown or logged.
    #[serde(skip)]
    pub stdin: Option<Vec<u8>>,
}

impl RenderedCommand {
    /// A command with nothing around it.
    pub fn plain(command: CommandLine) -> Self {
        Self { command, env: Vec::new(), workdir: None, stdin: None }
    }

    /// One line of shell that changes to the folder, sets the variables and runs the command.
    pub fn to_shell(&self) -> String {
        let mut shell = String::new();
        if let Some(workdir) = &self.workdir {
            shell.push_str("cd -- ");
            shell.push_str(&quote_word(workdir));
            shell.push_str(" || exit 125\n");
        }
        for (key, value) in &self.env {
            shell.push_str("export ");
            shell.push_str(key);
            shell.push('=');
            shell.push_str(&quote_word(value));
            shell.push('\n');
        }
        shell.push_str(&self.command.to_shell());
        shell
    }
}

/// Another account that a script is run as, by sudo.
#[derive(Clone, PartialEq, Eq)]
pub struct AsUser {
    /// The account.
    pub user: String,
    /// What sudo asks for; none: it must not ask.
    pub password: Option<String>,
}

impl std::fmt::Debug for AsUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AsUser").field("user", &self.user).field("has_password", &self.password.is_some()).finish()
    }
}

impl AsUser {
    /// Shell text that runs `script` as the account, and its standard input.
    ///
    /// The password is the first line of standard input, so that it is in no argument and no environment. Where sudo does
    /// not ask (NOPASSWD, a fresh ticket) that line is still there; so the script begins only behind a line that is `mark`,
    /// which must be hard to guess and without blanks.
    pub fn elevate(&self, script: &str, stdin: Option<&[u8]>, mark: &str) -> (String, Option<Vec<u8>>) {
        let user = quote_word(&self.user);
        let Some(password) = &self.password else {
            let shell = format!("exec sudo -n -u {user} -- /bin/sh -c {}", quote_word(script));
            return (shell, stdin.map(<[u8]>::to_vec));
        };
        let inner = format!(r#"while IFS= read -r l && [ "$l" != {mark} ]; do :; done; unset l; eval "$1""#);
        let shell = format!(
            "exec sudo -S -p '' -u {user} -- /bin/sh -c {} sh {}",
            quote_word(&inner),
            quote_word(&format!("shift; {script}"))
        );
        let mut input = format!("{password}\n{mark}\n").into_bytes();
        input.extend_from_slice(stdin.unwrap_or_default());
        (shell, Some(input))
    }
}
