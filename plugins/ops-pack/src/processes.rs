//! Processes and what they listen on.

use crate::entry::{Entry, Kind, Parameter, TEXT, Word, look};

const CATEGORY: &str = "processes";

const PID: Parameter =
    Parameter { name: "pid", title: "Process", help: "Its number.", kind: Kind::Text("^[1-9][0-9]{0,6}$", &["4711"]) };

/// The templates.
pub const ENTRIES: &[Entry] = &[
    look(
        "processes-top",
        "Top processes",
        "What uses the processors or holds the memory.",
        CATEGORY,
        &[
            Parameter { name: "by", title: "Sorted by", help: "What counts.", kind: Kind::Choice(&["cpu", "memory"]) },
            Parameter { name: "count", title: "How many", help: "The first ones.", kind: Kind::Number(1, 500, 20) },
        ],
        &[
            Word::Script(
                "case $1 in memory) by=-pmem ;; *) by=-pcpu ;; esac; ps -eo user:16,pid,pcpu,pmem,etime,args --sort=\"$by\" | head -n \"$(($2 + 1))\" | cut -c 1-200",
            ),
            Word::Value("by"),
            Word::Value("count"),
        ],
    ),
    look(
        "processes-tree",
        "Process tree",
        "All processes, below those that started them.",
        CATEGORY,
        &[],
        &[Word::Is("ps"), Word::Is("-eo"), Word::Is("pid,user:16,stat,etime,args"), Word::Is("--forest")],
    ),
    look(
        "process-find",
        "Find processes",
        "Processes whose command line matches.",
        CATEGORY,
        &[Parameter {
            name: "text",
            title: "Text",
            help: "A regular expression.",
            kind: Kind::Text(TEXT, &["nginx", "java .*server"]),
        }],
        &[Word::Is("pgrep"), Word::Is("--full"), Word::Is("--list-full"), Word::Is("--"), Word::Value("text")],
    ),
    look(
        "process-files",
        "Open files of a process",
        "What a process holds open.",
        CATEGORY,
        &[PID],
        &[Word::Script("ls -l -- \"/proc/$1/fd\""), Word::Value("pid")],
    )
    .as_root(),
    look(
        "process-signal",
        "Send a signal",
        "Sends a signal to a process: HUP reads configuration anew, TERM asks it to end, KILL ends it.",
        CATEGORY,
        &[
            PID,
            Parameter {
                name: "signal",
                title: "Signal",
                help: "Which.",
                kind: Kind::Choice(&["HUP", "TERM", "INT", "QUIT", "USR1", "USR2", "STOP", "CONT", "KILL"]),
            },
        ],
        &[Word::Is("kill"), Word::Is("-s"), Word::Value("signal"), Word::Is("--"), Word::Value("pid")],
    )
    .as_root()
    .dangerous(),
    look(
        "ports-listening",
        "Listening ports",
        "Ports on which something listens, and what.",
        CATEGORY,
        &[],
        &[
            Word::Is("ss"),
            Word::Is("--tcp"),
            Word::Is("--udp"),
            Word::Is("--listening"),
            Word::Is("--numeric"),
            Word::Is("--processes"),
        ],
    )
    .as_root(),
    look(
        "connections",
        "Connections",
        "How many connections there are in each state.",
        CATEGORY,
        &[],
        &[Word::Is("ss"), Word::Is("--summary")],
    ),
];
