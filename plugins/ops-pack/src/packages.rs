//! Packages, on Debian and Red Hat alike: each script asks which of the two it is on.

use crate::entry::{Entry, Kind, NAME, Parameter, Word, look};

const CATEGORY: &str = "packages";

const PACKAGE: Parameter = Parameter {
    name: "package",
    title: "Package",
    help: "Its name.",
    kind: Kind::Text(NAME, &["openssl", "g++", "python3.12"]),
};

const UPDATES: &str = r#"
if command -v apt-get >/dev/null; then
  apt-get --simulate --quiet=2 dist-upgrade | awk '/^Inst/ { print $2, $3, "->", $4; n++ } END { print n + 0, "to upgrade" }'
elif command -v dnf >/dev/null; then dnf --quiet check-update; [ $? -ne 1 ]
elif command -v yum >/dev/null; then yum --quiet check-update; [ $? -ne 1 ]
else echo 'neither apt-get nor dnf nor yum is there' >&2; exit 69; fi
"#;

const VERSION: &str = r#"
if command -v dpkg-query >/dev/null; then
  dpkg-query --show --showformat='${Package} ${Version} ${db:Status-Abbrev}\n' -- "$1"
elif command -v rpm >/dev/null; then rpm --query -- "$1"
else echo 'neither dpkg nor rpm is there' >&2; exit 69; fi
"#;

const FILES: &str = r#"
if command -v dpkg-query >/dev/null; then dpkg-query --listfiles -- "$1"
elif command -v rpm >/dev/null; then rpm --query --list -- "$1"
else echo 'neither dpkg nor rpm is there' >&2; exit 69; fi
"#;

const SEARCH: &str = r#"
if command -v apt-cache >/dev/null; then apt-cache search --names-only -- "$1"
elif command -v dnf >/dev/null; then dnf --quiet search "$1"
elif command -v yum >/dev/null; then yum --quiet search "$1"
else echo 'neither apt nor dnf nor yum is there' >&2; exit 69; fi
"#;

const REFRESH: &str = r"
if command -v apt-get >/dev/null; then apt-get --quiet update
elif command -v dnf >/dev/null; then dnf --quiet makecache
elif command -v yum >/dev/null; then yum --quiet makecache
else echo 'neither apt-get nor dnf nor yum is there' >&2; exit 69; fi
";

const CHANGE: &str = r#"
verb=$1; package=$2
if command -v apt-get >/dev/null; then DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes "$verb" -- "$package"
elif command -v dnf >/dev/null; then dnf --assumeyes "$verb" "$package"
elif command -v yum >/dev/null; then yum --assumeyes "$verb" "$package"
else echo 'neither apt-get nor dnf nor yum is there' >&2; exit 69; fi
"#;

const UPGRADE: &str = r"
if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get --quiet update && apt-get --quiet --yes -o Dpkg::Options::=--force-confold dist-upgrade
elif command -v dnf >/dev/null; then dnf --assumeyes --refresh upgrade
elif command -v yum >/dev/null; then yum --assumeyes update
else echo 'neither apt-get nor dnf nor yum is there' >&2; exit 69; fi
";

const REBOOT: &str = r"
if [ -e /var/run/reboot-required ]; then
  cat /var/run/reboot-required /var/run/reboot-required.pkgs 2>/dev/null; exit 1
elif command -v needs-restarting >/dev/null; then needs-restarting -r
else echo 'no reboot is asked for'; fi
";

/// The templates.
pub const ENTRIES: &[Entry] = &[
    look(
        "updates-list",
        "Pending updates",
        "Packages that could be upgraded. Changes nothing.",
        CATEGORY,
        &[],
        &[Word::Script(UPDATES)],
    )
    .within(300),
    look(
        "package-version",
        "Version of a package",
        "Which version is installed. Fails where it is not.",
        CATEGORY,
        &[PACKAGE],
        &[Word::Script(VERSION), Word::Value("package")],
    ),
    look(
        "package-files",
        "Files of a package",
        "What an installed package brought.",
        CATEGORY,
        &[PACKAGE],
        &[Word::Script(FILES), Word::Value("package")],
    ),
    look(
        "package-search",
        "Search packages",
        "Packages whose name has this in it.",
        CATEGORY,
        &[PACKAGE],
        &[Word::Script(SEARCH), Word::Value("package")],
    )
    .within(300),
    look(
        "packages-refresh",
        "Refresh package lists",
        "Fetches what there is. Installs nothing.",
        CATEGORY,
        &[],
        &[Word::Script(REFRESH)],
    )
    .as_root()
    .within(600),
    look(
        "package-install",
        "Install a package",
        "Installs a package, or brings it up to date.",
        CATEGORY,
        &[PACKAGE],
        &[Word::Script(CHANGE), Word::Is("install"), Word::Value("package")],
    )
    .as_root()
    .dangerous()
    .within(1800),
    look(
        "package-remove",
        "Remove a package",
        "Removes a package and what needs it; its configuration stays on Debian.",
        CATEGORY,
        &[PACKAGE],
        &[Word::Script(CHANGE), Word::Is("remove"), Word::Value("package")],
    )
    .as_root()
    .dangerous()
    .within(1800),
    look(
        "packages-upgrade",
        "Upgrade all packages",
        "Brings the machine up to date. Changed configuration files stay as they are. Does not restart the machine.",
        CATEGORY,
        &[],
        &[Word::Script(UPGRADE)],
    )
    .as_root()
    .dangerous()
    .within(3600),
    look(
        "reboot-required",
        "Is a reboot needed?",
        "Fails where one is, so that such machines stand out.",
        CATEGORY,
        &[],
        &[Word::Script(REBOOT)],
    ),
];
