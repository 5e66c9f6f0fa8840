#[cfg(feature = "handover")]
wit_bindgen::generate!({
    path: [
        "../../../wit/types/0.1.0",
        "../../../wit/host/0.1.0",
        "../../../wit/command-template/0.1.0",
        "../../../wit/log-filter/0.1.0",
        "../../../wit/discovery/0.1.0",
    ],
    inline: "
        package corral:test-guest;
        world all {
            include corral:command-template/command-template-plugin@0.1.0;
            include corral:log-filter/log-filter-plugin-with-handover@0.1.0;
            include corral:discovery/discovery-plugin@0.1.0;
            import corral:host/logs@0.1.0;
        }
    ",
    world: "corral:test-guest/all",
    generate_all,
});
#[cfg(not(feature = "handover"))]
wit_bindgen::generate!({
    path: [
        "../../../wit/types/0.1.0",
        "../../../wit/host/0.1.0",
        "../../../wit/command-template/0.1.0",
        "../../../wit/log-filter/0.1.0",
        "../../../wit/discovery/0.1.0",
    ],
    inline: "
        package corral:test-guest;
        world all {
            include corral:command-template/command-template-plugin@0.1.0;
            include corral:log-filter/log-filter-plugin@0.1.0;
            include corral:discovery/discovery-plugin@0.1.0;
            import corral:host/logs@0.1.0;
        }
    ",
    world: "corral:test-guest/all",
    generate_all,
});

mod asks;

use std::cell::{Cell, RefCell};

use corral::host::{config, http, kv, log, secrets};
use corral::types::types::{Error, Label, Vm};
use exports::corral::command_template::command_templates as templates;
use exports::corral::discovery::discovery;
use exports::corral::log_filter::filter;

struct Guest;

export!(Guest);

fn setting(key: &str) -> String {
    let config: serde_json::Value = serde_json::from_str(&config::get()).unwrap_or_default();
    config[key].as_str().unwrap_or_default().to_owned()
}

/// Where the host puts the folder that it grants.
const FOLDER: &str = "/templates";

/// Waits until the folder has a file `open`: as long as the test wants.
fn wait_for_the_gate() -> String {
    log::write(log::Level::Info, "at the gate");
    while !std::path::Path::new(FOLDER).join("open").exists() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    setting("tag")
}

/// What reading a path gives.
fn read(path: &str) -> String {
    format!("{:?}", std::fs::read_to_string(path).map_err(|error| error.kind()))
}

/// Every way out of the folder that a path can name. `deep` is a folder in it, `out` a link to what is beside it.
fn ways_out() -> String {
    let paths = [
        "/etc/passwd",
        "../secret",
        "/templates/../secret",
        "/templates/deep/../../secret",
        "/templates/./deep/.././../secret",
        "/templates//..//secret",
        "/templates/out",
        "/templates/out-absolute",
        "/templates/folder-out/secret",
        "/templates/deep/out",
        "/templates/loop",
        "/templates/secret\0",
        "/proc/self/environ",
        "/dev/null",
        "//secret",
        "/templates-2/secret",
        ".",
        "",
    ];
    let came_out: Vec<_> = paths.iter().filter(|path| std::fs::read(path).is_ok()).collect();
    let listed = std::fs::read_dir("/templates/..").map(|entries| entries.count());
    let linked = std::fs::hard_link("/templates/inside", "/templates/hard").is_ok();
    #[expect(deprecated, reason = "the one name of it that every system has")]
    let made = std::fs::soft_link("../secret", "/templates/made").is_ok();
    let moved = std::fs::rename("/templates/inside", "/templates/moved").is_ok();
    let removed = std::fs::remove_file("/templates/inside").is_ok();
    let (inside, deep) = (read("/templates/inside"), read("/templates/deep/../inside"));
    format!("{came_out:?} {listed:?} {linked} {made} {moved} {removed} {inside} {deep}")
}

fn spin() -> ! {
    let mut x = 0u64;
    loop {
        x = std::hint::black_box(x.wrapping_add(1));
    }
}

fn bomb() -> ! {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

/// Does what a word says. What it found out, if it comes back.
fn misbehave(word: &str) -> String {
    match word {
        "!spin" => spin(),
        "!bomb" => bomb(),
        "!trap" => panic!("the guest was told to trap"),
        leak if leak.starts_with("!leak") => panic!("cannot read `{leak}`"),
        "!gate" => wait_for_the_gate(),
        "!tag" => setting("tag"),
        "!huge" => "x".repeat(20 << 20),
        "!fill" => (0..3).map(|n| format!("{:?} ", kv::set(&format!("key {n}"), &vec![0; 600 << 10]))).collect(),
        "!ways-out" => ways_out(),
        "!sleep" => {
            std::thread::sleep(std::time::Duration::from_secs(3600));
            "slept".into()
        }
        "!http" => {
            let request = http::Request {
                method: "GET".into(),
                url: "http://127.0.0.1/".into(),
                headers: Vec::new(),
                body: None,
                timeout_ms: None,
            };
            format!("{:?}", http::fetch(&request))
        }
        "!secret" => format!("{:?}", secrets::get("root")),
        "!kv" => format!("{:?} {:?}", kv::set("key", b"value"), kv::get("key")),
        "!env" => format!("{} {}", std::env::vars().count(), std::env::args().count()),
        "!file" => format!("{:?}", std::fs::read_to_string("/etc/passwd").map_err(|error| error.kind())),
        "!escape" => {
            format!("{:?}", std::fs::read_to_string("/templates/../../etc/passwd").map_err(|error| error.kind()))
        }
        "!write" => format!("{:?}", std::fs::write("/templates/new", "x").map_err(|error| error.kind())),
        "!connect" => format!("{:?}", std::net::TcpStream::connect("127.0.0.1:22").map_err(|error| error.kind())),
        "!flood" => {
            for n in 0..100_000 {
                println!("flood {n}");
            }
            log::write(log::Level::Info, &"long ".repeat(10_000));
            "flooded".into()
        }
        other => asks::answer(other).unwrap_or_else(|| format!("unknown {other}")),
    }
}

struct Session {
    seen: Cell<u64>,
    tag: String,
    held: RefCell<Vec<String>>,
}

impl Session {
    fn new(seen: u64) -> Self {
        Self { seen: Cell::new(seen), tag: setting("tag"), held: RefCell::default() }
    }
}

fn edit(index: u32, change: filter::Change) -> filter::Edit {
    filter::Edit { index, change }
}

impl filter::GuestSession for Session {
    fn open(_: filter::StreamInfo) -> Result<filter::Session, Error> {
        Ok(filter::Session::new(Self::new(0)))
    }

    fn process(&self, batch: filter::Batch) -> Result<Vec<filter::Edit>, Error> {
        let mut edits = Vec::new();
        let mut from = 0;
        for (index, end) in batch.ends.iter().enumerate() {
            let text = &batch.text[from..*end as usize];
            (from, _) = (*end as usize, self.seen.set(self.seen.get() + 1));
            let at = index as u32;
            match text {
                "!beyond" => edits.push(edit(u32::try_from(batch.ends.len()).unwrap(), filter::Change::Drop)),
                "!twice" => edits.extend([edit(at, filter::Change::Drop), edit(at, filter::Change::Drop)]),
                "!newline" => edits.push(edit(at, filter::Change::Replace("a\nb".into()))),
                "!huge" => edits.push(edit(at, filter::Change::Replace("x".repeat(20 << 20)))),
                "!many" => edits = (0..400_000).map(|_| edit(at, filter::Change::Replace("y".repeat(100)))).collect(),
                "!error" => return Err(Error::Internal("the guest was told to fail".into())),
                "!drop" => edits.push(edit(at, filter::Change::Drop)),
                "!hold" => {
                    self.held.borrow_mut().push(format!("held {}", self.seen.get()));
                    edits.push(edit(at, filter::Change::Drop));
                }
                "!annotate" => {
                    let label = Label { key: "level".into(), value: "error".into() };
                    edits.push(edit(at, filter::Change::Annotate(vec![label])));
                }
                word if word.starts_with('!') => edits.push(edit(at, filter::Change::Replace(misbehave(word)))),
                _ if !self.tag.is_empty() => {
                    edits.push(edit(at, filter::Change::Replace(format!("{} {} {text}", self.tag, self.seen.get()))));
                }
                _ => {}
            }
        }
        Ok(edits)
    }

    fn finish(&self) -> Result<Vec<String>, Error> {
        Ok(self.held.take())
    }
}

impl filter::Guest for Guest {
    type Session = Session;
}

#[cfg(feature = "handover")]
impl exports::corral::log_filter::handover::Guest for Guest {
    fn save(session: filter::SessionBorrow<'_>) -> Vec<u8> {
        session.get::<Session>().seen.get().to_le_bytes().to_vec()
    }

    fn load(_: filter::StreamInfo, state: Vec<u8>) -> Result<filter::Session, Error> {
        if setting("refuse") == "load" {
            return Err(Error::InvalidInput("the state is of another time".into()));
        }
        let state = state.try_into().map_err(|_| Error::InvalidInput("not my state".into()))?;
        Ok(filter::Session::new(Session::new(u64::from_le_bytes(state))))
    }
}

impl templates::Guest for Guest {
    fn templates() -> Result<templates::Listing, Error> {
        let mut listing = templates::Listing { templates: Vec::new(), problems: Vec::new() };
        let Ok(files) = std::fs::read_dir(FOLDER) else { return Ok(listing) };
        let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            match text.trim() {
                "broken" => {
                    let message = "it is broken".to_owned();
                    listing.problems.push(templates::Problem { source: name, message });
                }
                word if word.starts_with('!') => drop(misbehave(word)),
                text => listing.templates.push(template(&name, text)),
            }
        }
        Ok(listing)
    }

    fn render(id: String, args: String, vms: Vec<Vm>) -> Result<Vec<templates::Rendered>, Error> {
        let args: serde_json::Value = serde_json::from_str(&args).unwrap_or_default();
        let word = args["word"].as_str().unwrap_or_default();
        let one = |vm: &Vm| {
            let said = if word.starts_with('!') && word != "!none" { misbehave(word) } else { word.to_owned() };
            let argv = if word == "!none" { Vec::new() } else { vec![id.clone(), vm.name.clone(), said] };
            templates::Rendered { argv, env: vec![("WORD".into(), "1".into())], workdir: None, stdin: None }
        };
        Ok(vms.iter().skip(usize::from(word == "!fewer")).map(one).collect())
    }
}

fn template(id: &str, title: &str) -> templates::Template {
    let parameters = if title == "no schema" {
        "{".to_owned()
    } else {
        r#"{"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}"#.to_owned()
    };
    templates::Template {
        id: id.to_owned(),
        title: title.to_owned(),
        description: String::new(),
        category: "test".into(),
        parameters,
        mode: templates::Mode::Direct,
        dangerous: false,
        timeout_seconds: 0,
        applies_to: String::new(),
    }
}

impl discovery::Guest for Guest {
    fn discover(cursor: Option<String>) -> Result<discovery::Page, Error> {
        let page: u32 = cursor.as_deref().unwrap_or("0").parse().unwrap_or(0);
        let word = setting("discover");
        let id = if word == "same" { "same".to_owned() } else { format!("vm-{page}") };
        let vm = discovery::FoundVm {
            external_id: id.clone(),
            name: id,
            address: "127.0.0.1".into(),
            port: 22,
            user: (page == 1).then(|| "root".into()),
            labels: vec![Label { key: "page".into(), value: page.to_string() }],
            jump: if page == 0 { Vec::new() } else { vec!["vm-0".into()] },
            identity_file: (page == 1).then(|| "~/.ssh/id".into()),
            host_keys: Vec::new(),
            running: None,
        };
        let next = match word.as_str() {
            "endless" => Some((page + 1).to_string()),
            "same" => Some("0".into()),
            word if word.starts_with('!') => Some(misbehave(word)),
            _ => (page < 2).then(|| (page + 1).to_string()),
        };
        Ok(discovery::Page { vms: vec![vm], next })
    }
}
