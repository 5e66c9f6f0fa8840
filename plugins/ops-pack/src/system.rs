//! The machine as a whole, and its network.

use crate::entry::{Entry, Kind, NAME, Parameter, Word, look};

const CATEGORY: &str = "system";

const HOST: Parameter = Parameter {
    name: "host",
    title: "Host",
    help: "Name or address.",
    kind: Kind::Text("^[A-Za-z0-9:][A-Za-z0-9.:-]*$", &["example.org", "192.0.2.1", "2001:db8::1"]),
};

/// The templates.
pub const ENTRIES: &[Entry] = &[
    look(
        "uptime",
        "Uptime and load",
        "How long it has been up, and how busy it is.",
        CATEGORY,
        &[],
        &[Word::Is("uptime")],
    ),
    look("memory", "Memory", "RAM and swap.", CATEGORY, &[], &[Word::Is("free"), Word::Is("--mebi")]),
    look(
        "os-version",
        "Operating system",
        "Distribution and kernel.",
        CATEGORY,
        &[],
        &[Word::Script("cat /etc/os-release; uname -a")],
    ),
    look(
        "time-sync",
        "Clock",
        "Time of day, zone, and whether it is kept right.",
        CATEGORY,
        &[],
        &[Word::Is("timedatectl"), Word::Is("status")],
    ),
    look(
        "addresses",
        "Addresses",
        "Addresses of each interface.",
        CATEGORY,
        &[],
        &[Word::Is("ip"), Word::Is("-brief"), Word::Is("address")],
    ),
    look("routes", "Routes", "Where packets go.", CATEGORY, &[], &[Word::Is("ip"), Word::Is("route")]),
    look(
        "resolve",
        "Resolve a name",
        "Addresses of a name, as this machine sees them.",
        CATEGORY,
        &[HOST],
        &[Word::Is("getent"), Word::Is("ahosts"), Word::Value("host")],
    ),
    look(
        "ping",
        "Reach a host",
        "Sends a few packets and says how long they take.",
        CATEGORY,
        &[HOST, Parameter { name: "count", title: "Packets", help: "How many.", kind: Kind::Number(1, 20, 4) }],
        &[
            Word::Is("ping"),
            Word::Is("-n"),
            Word::Is("-c"),
            Word::Value("count"),
            Word::Is("-w"),
            Word::Is("30"),
            Word::Is("--"),
            Word::Value("host"),
        ],
    ),
    look(
        "kernel-setting",
        "Kernel setting",
        "Value of a setting of sysctl.",
        CATEGORY,
        &[Parameter {
            name: "name",
            title: "Setting",
            help: "Its name.",
            kind: Kind::Text(NAME, &["vm.swappiness", "net.ipv4.ip_forward"]),
        }],
        &[Word::Is("sysctl"), Word::Value("name")],
    ),
    look(
        "reboot",
        "Restart the machine",
        "Restarts it after a minute, so that this command can end. `Call off a restart` takes it back until then.",
        CATEGORY,
        &[],
        &[Word::Is("shutdown"), Word::Is("-r"), Word::Is("+1")],
    )
    .as_root()
    .dangerous(),
    look(
        "reboot-cancel",
        "Call off a restart",
        "Takes back a restart that is about to come.",
        CATEGORY,
        &[],
        &[Word::Is("shutdown"), Word::Is("-c")],
    )
    .as_root(),
];
