//! How connections to one VM differ from the usual.

use serde::{Deserialize, Serialize};

use crate::{FieldError, secret_name_problem};

/// Ciphers that may be named, the usual ones in their usual order. Those that are broken are not among them.
pub const CIPHERS: [&str; 6] = [
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
];
/// Key exchanges that may be named. None of them uses SHA-1.
pub const KEY_EXCHANGES: [&str; 12] = [
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group17-sha512",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group15-sha512",
    "diffie-hellman-group14-sha256",
];
/// Message authentication codes that may be named. None of them uses SHA-1.
pub const MACS: [&str; 4] =
    ["hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512", "hmac-sha2-256"];
/// Host key algorithms that may be named. `ssh-rsa` is not among them: its signatures are of SHA-1.
pub const HOST_KEY_ALGORITHMS: [&str; 6] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
];
/// Longest time between two signs of life.
const KEEPALIVE_SECONDS_MAX: u32 = 3_600;

/// What differs from the usual; empty: nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct VmOptions {
    /// Seconds of silence after which the machine is asked for a sign of life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive_seconds: Option<u32>,
    /// Ciphers, best first; empty: the usual ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ciphers: Vec<String>,
    /// Key exchanges, best first; empty: the usual ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kex: Vec<String>,
    /// Message authentication codes, best first; empty: the usual ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub macs: Vec<String>,
    /// Host key algorithms, best first; empty: the usual ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_key_algorithms: Vec<String>,
    /// Name of the secret that is the account's password, for servers that want one besides a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<String>,
}

impl VmOptions {
    /// Whether all is as usual.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Everything that is wrong with them.
    pub(crate) fn problems(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.keepalive_seconds.is_some_and(|seconds| seconds == 0 || seconds > KEEPALIVE_SECONDS_MAX) {
            let text = format!("is between 1 and {KEEPALIVE_SECONDS_MAX}");
            errors.push(FieldError::new("options.keepalive_seconds", text));
        }
        check_names(&mut errors, "options.ciphers", &self.ciphers, &CIPHERS);
        check_names(&mut errors, "options.kex", &self.kex, &KEY_EXCHANGES);
        check_names(&mut errors, "options.macs", &self.macs, &MACS);
        check_names(&mut errors, "options.host_key_algorithms", &self.host_key_algorithms, &HOST_KEY_ALGORITHMS);
        if let Some(problem) = self.password_secret.as_deref().and_then(secret_name_problem) {
            errors.push(FieldError::new("options.password_secret", problem));
        }
        errors
    }
}

fn check_names(errors: &mut Vec<FieldError>, field: &str, names: &[String], known: &[&str]) {
    for (index, name) in names.iter().enumerate() {
        let shown: String = name.chars().take(64).collect();
        if !known.contains(&name.as_str()) {
            let weak = ["sha1", "ssh-rsa", "ssh-dss", "cbc", "3des", "none", "md5", "arcfour"];
            let why = if weak.iter().any(|weak| shown.ends_with(weak) || shown.contains(&format!("{weak}-"))) {
                "is broken or too weak, and is not used"
            } else {
                "is not known"
            };
            errors.push(FieldError::new(field, format!("`{shown}` {why}; there are {}", known.join(", "))));
        } else if names[..index].contains(name) {
            errors.push(FieldError::new(field, format!("`{shown}` stands there twice")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> Vec<String> {
        of.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn what_is_known_may_be_named_in_any_order() {
        let options = VmOptions {
            keepalive_seconds: Some(5),
            ciphers: names(&["aes128-ctr", "aes256-gcm@openssh.com"]),
            kex: names(&KEY_EXCHANGES),
            macs: names(&MACS),
            host_key_algorithms: names(&["rsa-sha2-256"]),
            password_secret: Some("web-1.root".to_owned()),
        };
        assert_eq!(options.problems(), []);
        assert!(VmOptions::default().problems().is_empty() && VmOptions::default().is_usual() && !options.is_usual());
    }

    #[test]
    fn what_is_weak_unknown_or_doubled_is_refused_by_name() {
        let message = |options: VmOptions| {
            let problems = options.problems();
            assert_eq!(problems.len(), 1, "{problems:?}");
            format!("{} {}", problems[0].field, problems[0].message)
        };
        for weak in ["diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1", "none"] {
            let said = message(VmOptions { kex: names(&[weak]), ..VmOptions::default() });
            assert!(said.starts_with(&format!("options.kex `{weak}` is broken or too weak")), "{said}");
        }
        for weak in ["hmac-sha1", "hmac-sha1-etm@openssh.com", "none"] {
            let said = message(VmOptions { macs: names(&[weak]), ..VmOptions::default() });
            assert!(said.contains(&format!("`{weak}` is broken or too weak")), "{said}");
        }
        for weak in ["3des-cbc", "aes256-cbc", "none"] {
            let said = message(VmOptions { ciphers: names(&[weak]), ..VmOptions::default() });
            assert!(said.contains("is broken or too weak") && said.contains("aes256-ctr"), "{said}");
        }
        let said = message(VmOptions { host_key_algorithms: names(&["ssh-rsa"]), ..VmOptions::default() });
        assert!(said.contains("`ssh-rsa` is broken"), "{said}");
        let said = message(VmOptions { macs: names(&["umac-64@openssh.com"]), ..VmOptions::default() });
        assert!(said.contains("`umac-64@openssh.com` is not known"), "{said}");
        let said = message(VmOptions { ciphers: names(&["aes128-ctr", "aes128-ctr"]), ..VmOptions::default() });
        assert!(said.contains("twice"), "{said}");
        assert!(message(VmOptions { keepalive_seconds: Some(0), ..VmOptions::default() }).contains("1 and 3600"));
    }

    #[test]
    fn what_is_as_usual_is_not_written_and_reads_back() {
        assert_eq!(serde_json::to_string(&VmOptions::default()).ok().as_deref(), Some("{}"));
        assert_eq!(serde_json::from_str::<VmOptions>("{}").ok(), Some(VmOptions::default()));
    }
}
