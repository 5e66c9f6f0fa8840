//! What templates are made of.

/// A template.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Stable.
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// What it does.
    pub description: &'static str,
    /// Where it is filed.
    pub category: &'static str,
    /// Its form.
    pub parameters: &'static [Parameter],
    /// What it runs.
    pub words: &'static [Word],
    /// Whether it needs the rights of root.
    pub root: bool,
    /// Whether it changes something that serves.
    pub dangerous: bool,
    /// How long it may take.
    pub seconds: u32,
}

/// A field of the form.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// What words call it.
    pub name: &'static str,
    /// What the form calls it.
    pub title: &'static str,
    /// The form's help text.
    pub help: &'static str,
    /// Its values.
    pub kind: Kind,
}

/// Values of a field.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text that fits a pattern; with examples. Must be given.
    Text(&'static str, &'static [&'static str]),
    /// The same, and may be left out.
    Optional(&'static str, &'static [&'static str]),
    /// A whole number: least, greatest, what it is if not given.
    Number(i64, i64, i64),
    /// One of some; the first one if not given.
    Choice(&'static [&'static str]),
    /// Yes or no; no if not given.
    Yes,
}

/// A word of the command.
#[derive(Debug, Clone, Copy)]
pub enum Word {
    /// Itself.
    Is(&'static str),
    /// A value; nothing where it is not given.
    Value(&'static str),
    /// A text and a value: `--lines=` and how many; nothing where it is not given.
    With(&'static str, &'static str),
    /// A word that is there if a field says yes.
    If(&'static str, &'static str),
    /// A text of `/bin/sh`, fixed; the words that follow are its arguments.
    Script(&'static str),
}

/// A template that only looks, as anybody.
pub const fn look(
    id: &'static str,
    title: &'static str,
    description: &'static str,
    category: &'static str,
    parameters: &'static [Parameter],
    words: &'static [Word],
) -> Entry {
    Entry { id, title, description, category, parameters, words, root: false, dangerous: false, seconds: 60 }
}

impl Entry {
    /// As root.
    pub const fn as_root(mut self) -> Self {
        self.root = true;
        self
    }

    /// To be confirmed by a person.
    pub const fn dangerous(mut self) -> Self {
        self.dangerous = true;
        self
    }

    /// With more time.
    pub const fn within(mut self, seconds: u32) -> Self {
        self.seconds = seconds;
        self
    }
}

/// Names of units. None begins with a dash, as options do.
pub const UNIT: &str = "^[A-Za-z0-9@_][A-Za-z0-9@_.:-]*$";

/// Names of packages, containers, users.
pub const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9+._-]*$";

/// Absolute paths, without what would be odd in one.
pub const PATH: &str = "^/[A-Za-z0-9 ._/@%+=:,-]*$";

/// Text to look for, on one line.
pub const TEXT: &str = "^[^\\u0000-\\u001f]+$";

/// How many lines.
pub const LINES: Parameter = Parameter {
    name: "lines",
    title: "Lines",
    help: "How many of the last lines.",
    kind: Kind::Number(1, 10_000, 100),
};

/// A unit of systemd.
pub const SERVICE: Parameter = Parameter {
    name: "service",
    title: "Service",
    help: "Name of the unit, with or without `.service`.",
    kind: Kind::Text(UNIT, &["nginx", "postgresql@16-main", "ssh.service"]),
};
