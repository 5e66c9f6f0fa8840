//! `corral vm add` and `corral vm set`: what a machine is.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::cli::connect::Connect;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, field, safe};
use crate::cli::{resolve, suggest};

/// Add a VM.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// Its name, unique among VMs.
    name: String,
    /// Where it is: `[user@]host[:port]`; left out for --local.
    #[arg(required_unless_present = "local", conflicts_with = "local")]
    address: Option<String>,
    /// This machine, without SSH.
    #[arg(long)]
    local: bool,
    /// TCP port.
    #[arg(short, long)]
    port: Option<u16>,
    /// Account on the machine.
    #[arg(short, long)]
    user: Option<String>,
    /// A label; may be given several times.
    #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    #[command(flatten)]
    auth: AuthArgs,
    /// Go through this VM; may be given several times, nearest first.
    #[arg(short, long, value_name = "VM")]
    jump: Vec<String>,
    /// A host key that is known beforehand: `ssh-ed25519 AAAA…`.
    #[arg(long, value_name = "KEY")]
    host_key: Vec<String>,
    /// Accept and pin the first host key that it shows.
    #[arg(long)]
    accept_new_host_key: bool,
    #[command(flatten)]
    options: OptionArgs,
    /// Print the VM as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Change some of a VM.
#[derive(Debug, clap::Args)]
pub struct Set {
    /// Name or id.
    vm: String,
    /// Another name.
    #[arg(long)]
    name: Option<String>,
    /// Where it is: `[user@]host[:port]`.
    #[arg(long)]
    address: Option<String>,
    /// TCP port.
    #[arg(short, long)]
    port: Option<u16>,
    /// Account on the machine.
    #[arg(short, long)]
    user: Option<String>,
    /// A label to set; may be given several times.
    #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// A label to remove; may be given several times.
    #[arg(long, value_name = "KEY")]
    no_label: Vec<String>,
    #[command(flatten)]
    auth: AuthArgs,
    /// Go through this VM; may be given several times, nearest first.
    #[arg(short, long, value_name = "VM")]
    jump: Vec<String>,
    /// Go there directly.
    #[arg(long, conflicts_with = "jump")]
    no_jump: bool,
    /// Accept and pin the first host key that it shows, or do not.
    #[arg(long, value_name = "BOOL")]
    accept_new_host_key: Option<bool>,
    #[command(flatten)]
    options: OptionArgs,
    /// Print the VM as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// How the host proves who it is.
#[derive(Debug, clap::Args)]
struct AuthArgs {
    /// Private key file on the host; without one the SSH agent's keys.
    #[arg(short, long, value_name = "FILE")]
    identity: Option<String>,
    /// The key has a certificate beside it, in FILE-cert.pub.
    #[arg(long, requires = "identity")]
    certificate: bool,
    /// The secret that is the key's passphrase; `corral secret set` keeps one.
    #[arg(long, value_name = "SECRET", requires = "identity")]
    passphrase: Option<String>,
    /// The secret that is the account's password, in place of a key.
    #[arg(long, value_name = "SECRET", conflicts_with = "identity")]
    password: Option<String>,
    /// The SSH agent's keys.
    #[arg(long, conflicts_with_all = ["identity", "password"])]
    agent: bool,
}

impl AuthArgs {
    /// What was said of it; nothing if nothing was.
    fn body(&self) -> Option<Value> {
        if let Some(secret) = &self.password {
            return Some(json!({"kind": "password", "secret": secret}));
        }
        let Some(file) = &self.identity else { return self.agent.then(|| json!({"kind": "agent"})) };
        let kind = if self.certificate { "certificate" } else { "key" };
        let mut auth = json!({"kind": kind, "identity_file": file});
        if let Some(secret) = &self.passphrase {
            auth["secret"] = secret.as_str().into();
        }
        Some(auth)
    }
}

/// Names of all options.
const OPTIONS: [&str; 6] = ["keepalive_seconds", "ciphers", "kex", "macs", "host_key_algorithms", "password_secret"];

/// How connections differ from the usual.
#[derive(Debug, clap::Args)]
struct OptionArgs {
    /// An option of its connections: keepalive_seconds=N, ciphers=A,B, kex=…, macs=…, host_key_algorithms=…,
    /// password_secret=SECRET; `KEY=` takes it back to the usual.
    #[arg(short, long = "option", value_name = "KEY=VALUE", value_parser = pair)]
    options: Vec<(String, String)>,
}

impl OptionArgs {
    /// The options as they are now, with those that were named on top; nothing if none was.
    fn body(&self, now: Option<&Value>) -> Result<Option<Value>, Failure> {
        if self.options.is_empty() {
            return Ok(None);
        }
        let mut options = now.and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
        for (key, text) in &self.options {
            let value = option_value(key, text)?;
            match value {
                Some(value) => options.insert(key.clone(), value),
                None => options.remove(key),
            };
        }
        Ok(Some(Value::Object(options)))
    }
}

/// A value of the kind that the option has; nothing for an empty text.
fn option_value(key: &str, text: &str) -> Result<Option<Value>, Failure> {
    if !OPTIONS.contains(&key) {
        let failure = Failure::new(Exit::Usage, format!("there is no option `{}`", safe(key)));
        return Err(failure.hint(
            suggest::closest(key, OPTIONS)
                .map_or_else(|| format!("there are {}", OPTIONS.join(", ")), |near| format!("did you mean `{near}`?")),
        ));
    }
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(match key {
        "keepalive_seconds" => {
            let number = text.parse::<u32>();
            json!(number.map_err(|_| Failure::new(Exit::Usage, format!("{key} is a number, not `{}`", safe(text))))?)
        }
        "password_secret" => text.into(),
        _ => json!(text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect::<Vec<_>>()),
    }))
}

/// An option as it is written on the command line.
pub(super) fn shown_option(value: &Value) -> String {
    match value {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Splits `KEY=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`; it looks like key=value"))?;
    if key.is_empty() { Err("the key is empty".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}

/// `[user@]host[:port]`, with an IPv6 address in brackets or bare.
fn split_address(text: &str) -> Result<(Option<String>, String, Option<u16>), Failure> {
    let bad = |why: &str| Failure::new(Exit::Usage, format!("`{}` is not an address: {why}", safe(text)));
    let (user, rest) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user.to_owned()), rest));
    let parse = |port: &str| port.parse::<u16>().map_err(|_| bad("the port is between 1 and 65535"));
    if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or_else(|| bad("`]` is missing"))?;
        let port = after.strip_prefix(':').map(parse).transpose()?;
        return Ok((user, host.to_owned(), port));
    }
    match rest.split_once(':') {
        Some((host, port)) if !port.contains(':') => Ok((user, host.to_owned(), Some(parse(port)?))),
        _ => Ok((user, rest.to_owned(), None)),
    }
}

/// Writes address, user and port into a body, as far as they were given.
fn put_place(body: &mut Value, address: Option<&str>, user: Option<String>, port: Option<u16>) -> Result<(), Failure> {
    let (in_user, host, in_port) = match address {
        Some(address) => split_address(address).map(|(user, host, port)| (user, Some(host), port))?,
        None => (None, None, None),
    };
    let parts = [
        ("address", host.map(Value::from)),
        ("user", user.or(in_user).map(Value::from)),
        ("port", port.or(in_port).map(Value::from)),
    ];
    for (key, value) in parts.into_iter().filter_map(|(key, value)| Some((key, value?))) {
        body[key] = value;
    }
    Ok(())
}

pub(super) async fn add(args: Add) -> Result<Exit> {
    let client = args.connect.client()?;
    let mut body = json!({ "name": args.name, "accept_new_host_key": args.accept_new_host_key });
    if args.local {
        body["transport"] = "local".into();
    } else {
        put_place(&mut body, Some(args.address.as_deref().unwrap_or_default()), args.user, args.port)?;
    }
    body["labels"] = json!(args.labels.into_iter().collect::<BTreeMap<_, _>>());
    body["host_keys"] = json!(args.host_key);
    body["auth"] = args.auth.body().unwrap_or_else(|| json!({"kind": "agent"}));
    if let Some(options) = args.options.body(None)? {
        body["options"] = options;
    }
    if !args.jump.is_empty() {
        body["jump"] = json!(resolve::vm_ids(&client, &args.jump).await?);
    }
    let vm = client.post(&["api", "vms"], &body).await?;
    if args.json {
        output::json(&vm)?;
    } else {
        let name = safe(&field(&vm, "name"));
        say!("added {name} ({}); `corral vm test {name}` tries the way there", field(&vm, "id"));
    }
    Ok(Exit::Ok)
}

pub(super) async fn set(args: Set) -> Result<Exit> {
    let client = args.connect.client()?;
    let vm = resolve::vm(&client, &args.vm).await?;
    let mut body = json!({});
    put_place(&mut body, args.address.as_deref(), args.user, args.port)?;
    if let Some(name) = args.name {
        body["name"] = name.into();
    }
    let set = args.labels.into_iter().map(|(key, value)| (key, Value::from(value)));
    let labels: Map<_, _> = set.chain(args.no_label.into_iter().map(|key| (key, Value::Null))).collect();
    if !labels.is_empty() {
        body["labels"] = labels.into();
    }
    if let Some(auth) = args.auth.body() {
        body["auth"] = auth;
    }
    if let Some(options) = args.options.body(vm.get("options"))? {
        body["options"] = options;
    }
    if let Some(accept) = args.accept_new_host_key {
        body["accept_new_host_key"] = accept.into();
    }
    if args.no_jump || !args.jump.is_empty() {
        body["jump"] = json!(resolve::vm_ids(&client, &args.jump).await?);
    }
    if body.as_object().is_some_and(Map::is_empty) {
        let failure = Failure::new(Exit::Usage, "nothing was named that should change");
        return Err(failure.hint("`corral vm set --help` shows what can be").into());
    }
    let vm = client.patch(&["api", "vms", &field(&vm, "id")], &body).await?;
    if args.json {
        output::json(&vm)?;
    } else {
        super::print_vm(&vm);
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_also_with_ipv6() {
        let split = |text| split_address(text).unwrap();
        assert_eq!(split("root@web-1:2222"), (Some("root".to_owned()), "web-1".to_owned(), Some(2222)));
        assert_eq!(split("web-1"), (None, "web-1".to_owned(), None));
        assert_eq!(split("a@[::1]:22"), (Some("a".to_owned()), "::1".to_owned(), Some(22)));
        assert_eq!(split("fe80::1"), (None, "fe80::1".to_owned(), None));
        assert_eq!(split_address("web:0x").unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn options_are_laid_over_those_that_are_there() {
        let option = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let args = OptionArgs {
            options: vec![option("keepalive_seconds", "5"), option("ciphers", ""), option("macs", "a, b")],
        };
        let now = json!({"ciphers": ["x"], "kex": ["y"]});
        let body = args.body(Some(&now)).unwrap().unwrap();
        assert_eq!(body, json!({"keepalive_seconds": 5, "kex": ["y"], "macs": ["a", "b"]}));
        assert_eq!(OptionArgs { options: vec![] }.body(Some(&now)).unwrap(), None);
        let failure = OptionArgs { options: vec![option("cipher", "x")] }.body(None).unwrap_err();
        assert!(failure.hint.unwrap().contains("`ciphers`"));
    }
}
