//! What SSH needs on this side: an agent or keys, known hosts.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Check, OTHERS_BITS};

const AGENT_TIMEOUT: Duration = Duration::from_secs(2);
/// `SSH_AGENTC_REQUEST_IDENTITIES` and its answer (draft-ietf-sshm-ssh-agent, section 3.5).
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;

/// Whether an agent answers and has keys.
pub fn agent() -> Check {
    const NAME: &str = "ssh agent";
    let Some(path) = std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()) else {
        return Check::warn(
            NAME,
            "SSH_AUTH_SOCK is not set",
            "start one if VMs use the agent: eval $(ssh-agent) && ssh-add",
        );
    };
    match keys_of(Path::new(&path)) {
        Ok(0) => Check::warn(NAME, "answers, but has no keys", "ssh-add"),
        Ok(count) => Check::ok(NAME, format!("answers, {count} keys")),
        Err(error) => {
            Check::warn(NAME, format!("{}: {error}", path.display()), "start one again: eval $(ssh-agent) && ssh-add")
        }
    }
}

fn keys_of(path: &Path) -> std::io::Result<u32> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(AGENT_TIMEOUT))?;
    stream.set_write_timeout(Some(AGENT_TIMEOUT))?;
    stream.write_all(&[0, 0, 0, 1, REQUEST_IDENTITIES])?;
    let mut answer = [0; 9];
    stream.read_exact(&mut answer)?;
    if answer[4] != IDENTITIES_ANSWER {
        return Err(std::io::Error::other("it refuses to name its keys; it may be locked"));
    }
    Ok(u32::from_be_bytes([answer[5], answer[6], answer[7], answer[8]]))
}

fn ssh_folder() -> Option<PathBuf> {
    std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".ssh"))
}

/// Whether there are known hosts, by which VMs prove who they are.
pub fn known_hosts() -> Check {
    const NAME: &str = "known_hosts";
    let Some(path) = ssh_folder().map(|folder| folder.join("known_hosts")) else {
        return Check::warn(NAME, "HOME is not set", "set it to the home folder of this account");
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let count = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count();
            Check::ok(NAME, format!("{} has {count} entries", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Check::ok(NAME, "none; the first key of each VM waits for a decision")
        }
        Err(error) => Check::warn(NAME, format!("{}: {error}", path.display()), "make it readable, as text"),
    }
}

/// Whether private keys are nobody else's.
pub fn private_keys() -> Vec<Check> {
    const NAME: &str = "private key";
    let Some(folder) = ssh_folder() else { return Vec::new() };
    let found = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| folder.join(name));
    let check = |path: &PathBuf| {
        let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
        let shown = path.display();
        Some(if mode.trailing_zeros() >= OTHERS_BITS {
            Check::ok(NAME, format!("{shown}"))
        } else {
            Check::fail(NAME, format!("{shown} is open to others (mode {mode:o})"), format!("chmod 600 {shown}"))
        })
    };
    found.iter().filter_map(check).collect()
}
