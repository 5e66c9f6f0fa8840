//! Disks and files.

use crate::entry::{Entry, Kind, PATH, Parameter, Word, look};

const CATEGORY: &str = "disk";

const FOLDER: Parameter = Parameter {
    name: "path",
    title: "Folder",
    help: "Where it is looked; other file systems below it are left out.",
    kind: Kind::Text(PATH, &["/var", "/srv/data"]),
};

const COUNT: Parameter =
    Parameter { name: "count", title: "How many", help: "The largest ones.", kind: Kind::Number(1, 500, 20) };

/// The templates.
pub const ENTRIES: &[Entry] = &[
    look(
        "disk-usage",
        "Disk usage",
        "How full file systems are.",
        CATEGORY,
        &[Parameter {
            name: "what",
            title: "Of what",
            help: "Room, or inodes: many small files use these up first.",
            kind: Kind::Choice(&["room", "inodes"]),
        }],
        &[
            Word::Script("case $1 in inodes) set -- -i ;; *) set -- -h ;; esac; exec df \"$1\" -P -x tmpfs -x devtmpfs -x overlay"),
            Word::Value("what"),
        ],
    ),
    look(
        "disk-largest-folders",
        "Largest folders",
        "Folders by the room that they take, largest first.",
        CATEGORY,
        &[FOLDER, COUNT],
        &[
            Word::Script("du -xk -- \"$1\" 2>/dev/null | sort -rn | head -n \"$2\" | awk '{ size = $1; sub(/^[0-9]+[ \\t]+/, \"\"); printf \"%10.1f MiB  %s\\n\", size / 1024, $0 }'"),
            Word::Value("path"), Word::Value("count"),
        ],
    )
    .as_root()
    .within(1800),
    look(
        "disk-largest-files",
        "Largest files",
        "Files by their size, largest first.",
        CATEGORY,
        &[FOLDER, COUNT],
        &[
            Word::Script("find \"$1\" -xdev -type f -printf '%s %p\\n' 2>/dev/null | sort -rn | head -n \"$2\" | awk '{ size = $1; sub(/^[0-9]+ /, \"\"); printf \"%10.1f MiB  %s\\n\", size / 1048576, $0 }'"),
            Word::Value("path"), Word::Value("count"),
        ],
    )
    .as_root()
    .within(1800),
    look(
        "disk-deleted-files",
        "Deleted files that are open",
        "Files that were deleted and whose room is not free, because a process holds them.",
        CATEGORY,
        &[],
        &[Word::Script("find /proc/[0-9]*/fd -lname '* (deleted)' -printf '%p -> %l\\n' 2>/dev/null; exit 0")],
    )
    .as_root(),
    look(
        "disk-mounts",
        "Mounts",
        "What is mounted where.",
        CATEGORY,
        &[],
        &[Word::Is("findmnt"), Word::Is("--real")],
    ),
    look(
        "disk-devices",
        "Block devices",
        "Disks and partitions, what is on them and where they are mounted.",
        CATEGORY,
        &[],
        &[Word::Is("lsblk"), Word::Is("--output=NAME,SIZE,TYPE,FSTYPE,MOUNTPOINT,MODEL")],
    ),
    look(
        "file-tail",
        "End of a file",
        "The last lines of a file.",
        CATEGORY,
        &[
            Parameter { name: "path", title: "File", help: "Absolute path.", kind: Kind::Text(PATH, &["/var/log/dpkg.log"]) },
            crate::entry::LINES,
        ],
        &[Word::Is("tail"), Word::With("--lines=", "lines"), Word::Is("--"), Word::Value("path")],
    )
    .as_root(),
];
