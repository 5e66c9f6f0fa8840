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
    /// Folder in which it starts; the account's home without. `~/…` is below that home.
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
            // The account's home is known on the machine alone.
            match workdir.strip_prefix("~/") {
                Some(below) => {
                    shell.push_str("\"$HOME\"/");
                    shell.push_str(&quote_word(below));
                }
                None if workdir == "~" => shell.push_str("\"$HOME\""),
                None => shell.push_str(&quote_word(workdir)),
            }
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
    /// Shell text that runs `script` as the account, in its home where it has one, and the standard input for it.
    ///
    /// The password is the first line of standard input, so that it is in no argument and no environment. Where sudo does
    /// not ask (NOPASSWD, a fresh ticket) that line is still there; so the script begins only behind a line that is `mark`,
    /// which must be hard to guess and made of letters and digits. If the password is wrong, sudo takes `mark` and a line
    /// more for further attempts and gives up; then nothing of the script was run.
    ///
    /// sudo empties the environment. The mark of a command's processes is handed on, so that they can be found.
    pub fn elevate(&self, script: &str, stdin: Option<&[u8]>, mark: &str) -> (String, Option<Vec<u8>>) {
        let sudo = |options: &str| {
            let user = quote_word(&self.user);
            format!(r#"exec sudo {options} -H -u {user} -- env CORRAL_TASK="${{CORRAL_TASK-}}" /bin/sh -c"#)
        };
        let script = format!("cd 2>/dev/null || cd /\n{script}");
        let Some(password) = &self.password else {
            return (format!("{} {}", sudo("-n"), quote_word(&script)), stdin.map(<[u8]>::to_vec));
        };
        let inner =
            format!("while :; do IFS= read -r l || exit 125; [ \"$l\" = {mark} ] && break; done\nunset l; eval \"$1\"");
        let shell =
            format!("{} {} sh {}", sudo("-S -p ''"), quote_word(&inner), quote_word(&format!("shift\n{script}")));
        let mut input = format!("{password}\n{mark}\n").into_bytes();
        input.extend_from_slice(stdin.unwrap_or_default());
        (shell, Some(input))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_may_be_below_the_home_that_only_the_machine_knows() {
        let run = |workdir: &str| {
            let command = CommandLine::Script("pwd".to_owned());
            let rendered = RenderedCommand { workdir: Some(workdir.to_owned()), ..RenderedCommand::plain(command) };
            let home = tempfile::tempdir().unwrap();
            std::fs::create_dir(home.path().join("it's here")).unwrap();
            let shell =
                std::process::Command::new("sh").arg("-c").arg(rendered.to_shell()).env("HOME", home.path()).output();
            let output = shell.unwrap();
            let real = home.path().canonicalize().unwrap();
            (String::from_utf8(output.stdout).unwrap().replace(&*real.to_string_lossy(), "HOME"), output.status.code())
        };
        assert_eq!(run("~/it's here"), ("HOME/it's here\n".to_owned(), Some(0)));
        assert_eq!(run("~"), ("HOME\n".to_owned(), Some(0)));
        assert_eq!(run("/"), ("/\n".to_owned(), Some(0)));
        assert_eq!(run("~nobody/x").1, Some(125));
    }
}
