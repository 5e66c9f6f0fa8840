//! Exit codes, and the error that carries one. The table in `docs/cli.md` and in `--help` is this one.

use std::fmt;
use std::process::ExitCode;

use corral_storage::StorageError;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// A task, a test or a check failed.
    Failed = 1,
    /// Arguments, configuration or a value that was sent cannot be used.
    Usage = 2,
    /// The host does not answer, or is too busy.
    Unreachable = 3,
    /// The end of some task is not known.
    Unknown = 4,
    /// No token, or one that may not do this.
    Forbidden = 5,
    /// What was named is not there.
    NotFound = 6,
    /// Things are no longer as the request assumed.
    Conflict = 7,
    /// The data folder cannot be used.
    DataFolder = 10,
    /// Another host runs on the same data folder.
    Locked = 11,
    /// The database was written by a newer version, or is damaged.
    Database = 12,
    /// No room on the disk.
    DiskFull = 13,
    /// The address cannot be listened on.
    Listen = 14,
    /// It would listen beyond this machine before anybody has claimed it.
    Unclaimed = 15,
    /// A fault of the program or of something that it depends on.
    Internal = 70,
    /// Interrupted.
    Interrupted = 130,
}

/// The table as `--help` shows it.
pub const TABLE: &str = "\
Exit codes:
    0  all went well
    1  a task, a test or a check failed
    2  arguments, configuration or a value cannot be used
    3  the host does not answer, or is too busy
    4  the end of some task is not known
    5  no token, or one that may not do this
    6  what was named is not there
    7  things are no longer as the request assumed
   10  the data folder cannot be used
   11  another host runs on the same data folder
   12  the database was written by a newer version, or is damaged
   13  no room on the disk
   14  the address cannot be listened on
   15  it would listen beyond this machine before anybody has claimed it
   70  a fault of the program
  130  interrupted";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What went wrong, what to do about it, and how the program ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// What happened and where.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without advice.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let exit = match &error {
            StorageError::Full(_) => Exit::DiskFull,
            StorageError::Busy(_) => Exit::Locked,
            StorageError::Newer { .. } | StorageError::Corrupt(_) => Exit::Database,
            StorageError::Unsupported(_) => Exit::Usage,
            StorageError::Database { .. } => Exit::DataFolder,
        };
        Self::new(exit, chain(&error))
    }
}

/// An error with all that caused it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Tells the person and gives the code. Anything that carries no code is a fault of the program.
pub fn report(error: &anyhow::Error) -> Exit {
    let failure = error.chain().find_map(|cause| cause.downcast_ref::<Failure>()).cloned().or_else(|| {
        let storage = error.chain().any(<dyn std::error::Error>::is::<StorageError>);
        storage.then(|| Failure::new(Exit::Database, format!("{error:#}")))
    });
    let failure = failure.unwrap_or_else(|| Failure::new(Exit::Internal, format!("{error:#}")));
    let mut lines = failure.message.lines();
    eprintln!("corral: {}", lines.next().unwrap_or("failed"));
    lines.for_each(|line| eprintln!("        {line}"));
    if let Some(hint) = &failure.hint {
        eprintln!("   help: {hint}");
    }
    failure.exit
}
