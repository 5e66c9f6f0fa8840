//! The journal.

use crate::entry::{Entry, Kind, LINES, Parameter, TEXT, UNIT, Word, look};

const CATEGORY: &str = "journal";

const UNIT_IF_ANY: Parameter = Parameter {
    name: "service",
    title: "Service",
    help: "Only lines of this unit; of all if not given.",
    kind: Kind::Optional(UNIT, &["nginx", "sshd"]),
};

const PRIORITY: Parameter = Parameter {
    name: "priority",
    title: "At least",
    help: "Lines that matter at least so much.",
    kind: Kind::Choice(&["debug", "info", "notice", "warning", "err", "crit", "alert", "emerg"]),
};

const SINCE: Parameter = Parameter {
    name: "since",
    title: "Since",
    help: "How far back.",
    kind: Kind::Choice(&["-1h", "-10m", "-6h", "today", "yesterday", "-7d", "-30d"]),
};

const GREP: Parameter = Parameter {
    name: "text",
    title: "Text",
    help: "A regular expression; in small letters their case does not matter.",
    kind: Kind::Text(TEXT, &["connection refused", "error|failed"]),
};

/// The templates.
pub const ENTRIES: &[Entry] = &[
    look(
        "journal",
        "Journal",
        "Lines of the journal, of one service or all.",
        CATEGORY,
        &[UNIT_IF_ANY, PRIORITY, SINCE, LINES],
        &[
            Word::Is("journalctl"),
            Word::Is("--no-pager"),
            Word::With("--unit=", "service"),
            Word::With("--priority=", "priority"),
            Word::With("--since=", "since"),
            Word::With("--lines=", "lines"),
        ],
    )
    .as_root(),
    look(
        "journal-grep",
        "Search the journal",
        "Lines of the journal that match.",
        CATEGORY,
        &[GREP, UNIT_IF_ANY, SINCE, LINES],
        &[
            Word::Is("journalctl"),
            Word::Is("--no-pager"),
            Word::With("--grep=", "text"),
            Word::With("--unit=", "service"),
            Word::With("--since=", "since"),
            Word::With("--lines=", "lines"),
        ],
    )
    .as_root()
    .within(300),
    look(
        "journal-kernel",
        "Kernel messages",
        "What the kernel said since the machine started.",
        CATEGORY,
        &[PRIORITY, LINES],
        &[
            Word::Is("journalctl"),
            Word::Is("--no-pager"),
            Word::Is("--dmesg"),
            Word::With("--priority=", "priority"),
            Word::With("--lines=", "lines"),
        ],
    )
    .as_root(),
    look(
        "journal-boots",
        "Boots",
        "When the machine was started, as far back as the journal goes.",
        CATEGORY,
        &[],
        &[Word::Is("journalctl"), Word::Is("--no-pager"), Word::Is("--list-boots")],
    )
    .as_root(),
    look(
        "journal-size",
        "Size of the journal",
        "How much room the journal takes.",
        CATEGORY,
        &[],
        &[Word::Is("journalctl"), Word::Is("--disk-usage")],
    )
    .as_root(),
    look(
        "journal-vacuum",
        "Shorten the journal",
        "Removes the oldest archived files until no more than this is left.",
        CATEGORY,
        &[Parameter { name: "size", title: "Keep", help: "MiB that are kept.", kind: Kind::Number(16, 100_000, 500) }],
        &[Word::Script("journalctl --vacuum-size=\"$1M\""), Word::Value("size")],
    )
    .as_root()
    .dangerous()
    .within(300),
];
