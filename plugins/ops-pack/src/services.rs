//! Units of systemd.

use crate::entry::{Entry, Kind, LINES, Parameter, SERVICE, Word, look};

const CATEGORY: &str = "services";

/// Starts, stops and the like, and shows afterwards whether it came to what was wanted.
const CHANGE: &str = r#"
verb=$1; unit=$2
systemctl "$verb" -- "$unit"; code=$?
systemctl --no-pager --full --lines=10 status -- "$unit"
exit "$code"
"#;

const STATES: Parameter = Parameter {
    name: "state",
    title: "State",
    help: "Which units are listed.",
    kind: Kind::Choice(&["running", "failed", "exited", "inactive", "active"]),
};

const NOW: Parameter =
    Parameter { name: "now", title: "Now too", help: "Also starts or stops it now.", kind: Kind::Yes };

const fn change(id: &'static str, title: &'static str, description: &'static str, words: &'static [Word]) -> Entry {
    look(id, title, description, CATEGORY, &[SERVICE], words).as_root().within(300)
}

/// The templates.
pub const ENTRIES: &[Entry] = &[
    look(
        "service-status",
        "Service status",
        "State of a unit and its last lines of log.",
        CATEGORY,
        &[SERVICE, LINES],
        &[
            Word::Is("systemctl"),
            Word::Is("status"),
            Word::Is("--no-pager"),
            Word::Is("--full"),
            Word::With("--lines=", "lines"),
            Word::Is("--"),
            Word::Value("service"),
        ],
    ),
    look(
        "services-list",
        "List services",
        "Services in a state: those that run, that failed, …",
        CATEGORY,
        &[STATES],
        &[
            Word::Is("systemctl"),
            Word::Is("list-units"),
            Word::Is("--type=service"),
            Word::Is("--no-pager"),
            Word::Is("--plain"),
            Word::With("--state=", "state"),
        ],
    ),
    look(
        "service-file",
        "Show a service's file",
        "The unit file with everything that overrides it.",
        CATEGORY,
        &[SERVICE],
        &[Word::Is("systemctl"), Word::Is("cat"), Word::Is("--no-pager"), Word::Is("--"), Word::Value("service")],
    ),
    look(
        "timers-list",
        "List timers",
        "When each timer ran last and runs next.",
        CATEGORY,
        &[],
        &[Word::Is("systemctl"), Word::Is("list-timers"), Word::Is("--all"), Word::Is("--no-pager")],
    ),
    change(
        "service-start",
        "Start a service",
        "Starts a unit and shows whether it came up.",
        &[Word::Script(CHANGE), Word::Is("start"), Word::Value("service")],
    ),
    change(
        "service-stop",
        "Stop a service",
        "Stops a unit. What it served is gone until it is started again.",
        &[Word::Script(CHANGE), Word::Is("stop"), Word::Value("service")],
    )
    .dangerous(),
    change(
        "service-restart",
        "Restart a service",
        "Restarts a unit and shows whether it came up.",
        &[Word::Script(CHANGE), Word::Is("restart"), Word::Value("service")],
    )
    .dangerous(),
    change(
        "service-reload",
        "Reload a service",
        "Makes a unit read its configuration anew; one that cannot is restarted.",
        &[Word::Script(CHANGE), Word::Is("reload-or-restart"), Word::Value("service")],
    )
    .dangerous(),
    look(
        "service-enable",
        "Enable a service",
        "Lets a unit start with the machine.",
        CATEGORY,
        &[SERVICE, NOW],
        &[Word::Is("systemctl"), Word::Is("enable"), Word::If("--now", "now"), Word::Is("--"), Word::Value("service")],
    )
    .as_root(),
    look(
        "service-disable",
        "Disable a service",
        "Keeps a unit from starting with the machine.",
        CATEGORY,
        &[SERVICE, NOW],
        &[Word::Is("systemctl"), Word::Is("disable"), Word::If("--now", "now"), Word::Is("--"), Word::Value("service")],
    )
    .as_root()
    .dangerous(),
    look(
        "systemd-reload",
        "Reload unit files",
        "Makes systemd read unit files that were changed. Restarts nothing.",
        CATEGORY,
        &[],
        &[Word::Is("systemctl"), Word::Is("daemon-reload")],
    )
    .as_root(),
];
