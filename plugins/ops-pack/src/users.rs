//! Accounts and logins.

use crate::entry::{Entry, Kind, Parameter, Word, look};

const CATEGORY: &str = "users";

const USER: Parameter = Parameter {
    name: "user",
    title: "User",
    help: "Name of the account.",
    kind: Kind::Text("^[a-z_][a-z0-9_.-]{0,31}$", &["deploy", "www-data"]),
};

const COUNT: Parameter =
    Parameter { name: "count", title: "How many", help: "The last ones.", kind: Kind::Number(1, 1000, 50) };

/// The templates.
pub const ENTRIES: &[Entry] = &[
    look("users-online", "Who is logged in", "Logins that are open, and where from.", CATEGORY, &[], &[Word::Is("who"), Word::Is("--heading")]),
    look(
        "logins-last",
        "Last logins",
        "Who logged in, when and where from.",
        CATEGORY,
        &[COUNT],
        &[Word::Is("last"), Word::Is("-n"), Word::Value("count")],
    ),
    look(
        "logins-failed",
        "Failed logins",
        "Attempts to log in that failed.",
        CATEGORY,
        &[COUNT],
        &[Word::Is("lastb"), Word::Is("-n"), Word::Value("count")],
    )
    .as_root(),
    look(
        "user-show",
        "Show an account",
        "Its ids and groups.",
        CATEGORY,
        &[USER],
        &[Word::Is("id"), Word::Is("--"), Word::Value("user")],
    ),
    look(
        "users-list",
        "Accounts",
        "Accounts of people: those with a shell.",
        CATEGORY,
        &[],
        &[Word::Script("getent passwd | awk -F: '$7 !~ /(nologin|false|sync|halt|shutdown)$/ { printf \"%-20s %6d %-24s %s\\n\", $1, $3, $6, $7 }'")],
    ),
    look(
        "user-lock",
        "Lock an account",
        "Locks the password and lets the account expire, so that keys do not work either. Sessions that are open go on.",
        CATEGORY,
        &[USER],
        &[Word::Is("usermod"), Word::Is("--lock"), Word::Is("--expiredate=1"), Word::Is("--"), Word::Value("user")],
    )
    .as_root()
    .dangerous(),
    look(
        "user-unlock",
        "Unlock an account",
        "Takes back what locking did.",
        CATEGORY,
        &[USER],
        &[Word::Is("usermod"), Word::Is("--unlock"), Word::Is("--expiredate="), Word::Is("--"), Word::Value("user")],
    )
    .as_root()
    .dangerous(),
];
