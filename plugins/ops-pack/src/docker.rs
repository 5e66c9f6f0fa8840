//! Containers.

use crate::entry::{Entry, Kind, LINES, NAME, PATH, Parameter, Word, look};

const CATEGORY: &str = "docker";

const CONTAINER: Parameter = Parameter {
    name: "container",
    title: "Container",
    help: "Name or id.",
    kind: Kind::Text(NAME, &["web", "shop-db-1", "0f3a9c"]),
};

const ALL: Parameter = Parameter { name: "all", title: "All", help: "Those too that do not run.", kind: Kind::Yes };

const SINCE: Parameter = Parameter {
    name: "since",
    title: "Since",
    help: "How far back; as far as there is if not given.",
    kind: Kind::Optional("^[0-9]{1,5}[smh]$", &["10m", "24h"]),
};

const PROJECT: Parameter = Parameter {
    name: "directory",
    title: "Directory",
    help: "Where the compose file is.",
    kind: Kind::Text(PATH, &["/srv/shop"]),
};

const fn docker(
    id: &'static str,
    title: &'static str,
    description: &'static str,
    parameters: &'static [Parameter],
    words: &'static [Word],
) -> Entry {
    look(id, title, description, CATEGORY, parameters, words).as_root()
}

/// The templates.
pub const ENTRIES: &[Entry] = &[
    docker(
        "docker-ps",
        "Containers",
        "Containers with image, state and ports.",
        &[ALL],
        &[Word::Is("docker"), Word::Is("ps"), Word::If("--all", "all")],
    ),
    docker(
        "docker-logs",
        "Logs of a container",
        "The last lines that a container wrote.",
        &[CONTAINER, LINES, SINCE],
        &[
            Word::Is("docker"),
            Word::Is("logs"),
            Word::With("--tail=", "lines"),
            Word::With("--since=", "since"),
            Word::Is("--"),
            Word::Value("container"),
        ],
    ),
    docker(
        "docker-stats",
        "Load of containers",
        "Processor, memory and network of each container, once.",
        &[],
        &[Word::Is("docker"), Word::Is("stats"), Word::Is("--no-stream")],
    ),
    docker(
        "docker-top",
        "Processes of a container",
        "What runs in a container.",
        &[CONTAINER],
        &[Word::Is("docker"), Word::Is("top"), Word::Value("container")],
    ),
    docker("docker-images", "Images", "Images with their sizes.", &[], &[Word::Is("docker"), Word::Is("images")]),
    docker(
        "docker-size",
        "Room that Docker takes",
        "Room of images, containers, volumes and caches, and what could be freed.",
        &[],
        &[Word::Is("docker"), Word::Is("system"), Word::Is("df")],
    )
    .within(300),
    docker(
        "docker-start",
        "Start a container",
        "Starts a container that is there.",
        &[CONTAINER],
        &[Word::Is("docker"), Word::Is("start"), Word::Is("--"), Word::Value("container")],
    ),
    docker(
        "docker-restart",
        "Restart a container",
        "Stops a container and starts it again.",
        &[CONTAINER],
        &[Word::Is("docker"), Word::Is("restart"), Word::Is("--"), Word::Value("container")],
    )
    .dangerous()
    .within(300),
    docker(
        "docker-stop",
        "Stop a container",
        "Stops a container; its data stay.",
        &[CONTAINER],
        &[Word::Is("docker"), Word::Is("stop"), Word::Is("--"), Word::Value("container")],
    )
    .dangerous()
    .within(300),
    docker(
        "docker-prune",
        "Remove what Docker does not use",
        "Removes stopped containers, unused networks, dangling images and build caches.",
        &[Parameter {
            name: "images",
            title: "Images too",
            help: "All images that no container uses.",
            kind: Kind::Yes,
        }],
        &[Word::Is("docker"), Word::Is("system"), Word::Is("prune"), Word::Is("--force"), Word::If("--all", "images")],
    )
    .dangerous()
    .within(1800),
    docker(
        "compose-ps",
        "Containers of a project",
        "Containers of a compose project.",
        &[PROJECT, ALL],
        &[
            Word::Is("docker"),
            Word::Is("compose"),
            Word::With("--project-directory=", "directory"),
            Word::Is("ps"),
            Word::If("--all", "all"),
        ],
    ),
    docker(
        "compose-up",
        "Bring a project up to date",
        "Pulls the images of a compose project and starts again what changed.",
        &[PROJECT],
        &[
            Word::Is("docker"),
            Word::Is("compose"),
            Word::With("--project-directory=", "directory"),
            Word::Is("up"),
            Word::Is("--detach"),
            Word::Is("--pull=always"),
        ],
    )
    .dangerous()
    .within(1800),
];
