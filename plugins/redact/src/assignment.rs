//! `password=…` in all its spellings: shell and environment, JSON and JSON inside JSON, YAML, query strings, flags.
//!
//! What stands after such a name is a secret unless it plainly is none: a placeholder, a number of tokens, a word that
//! people write there. Doubt goes to the secret, since a leak cannot be taken back.

use regex::Captures;

/// Words of which every match has one.
pub const WORDS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "api key",
    "access_key",
    "access-key",
    "accesskey",
    "private_key",
    "private-key",
    "privatekey",
    "signing_key",
    "signing-key",
    "encryption_key",
    "encryption-key",
    "encryptionkey",
    "account_key",
    "auth_key",
    "auth-key",
    "authkey",
    "credential",
];

/// Name, separator, value. Groups: `key`; the value in double quotes that are themselves escaped, in double quotes, in
/// single quotes, or bare; `sep`.
pub const PATTERN: &str = concat!(
    r"(?<key>(?i-u:password|passwd|passphrase|(?:[_.-]|\b)pass|pwd|secret|token|api[_ -]?key",
    r"|(?:access|private|signing|encryption|account|auth)[_-]?key(?:[_-]?id)?|credentials?)",
    r"(?:[_.-]?(?i-u:key|value|string|hash|base64|b64|data|prod|dev|test|staging|old|new|[0-9]{1,3}))?)",
    r#"(?:\x1b\[[0-9;]*m)*(?:\\*["'])?(?:\x1b\[[0-9;]*m)*[ \t]*(?:\x1b\[[0-9;]*m)*"#,
    r"(?<sep>:=|=>|==?|:)(?:\x1b\[[0-9;]*m)*[ \t]*(?:\x1b\[[0-9;]*m)*",
    r#"(?:\\+"(?<escaped>[^"]*?)\\+"|"(?<double>(?:[^"\\]|\\.)*)|'(?<single>[^']*)|(?<bare>[^\s"'\x1b\\][^\s"'\x1b]*))"#,
);

/// The secret of an assignment.
pub fn assigned(captures: &Captures<'_>, line: &str) -> Option<(usize, usize)> {
    let key = captures.name("key")?.as_str();
    let quoted = ["escaped", "double", "single"].iter().find_map(|group| captures.name(group));
    if let Some(value) = quoted {
        return is_secret(key, value.as_str()).then(|| (value.start(), value.end()));
    }
    let bare = captures.name("bare")?;
    let (start, mut end) = (bare.start(), bare.start() + bare_len(bare.as_str()));
    let colon = captures.name("sep")?.as_str() == ":";
    if colon && is_prose(&line[start..end]) {
        return None;
    }
    if !is_secret(key, &line[start..end]) {
        return None;
    }
    if colon && begins_line(&line[..captures.get(0)?.start()]) {
        end = yaml_end(line, start).max(end);
    }
    is_secret(key, &line[start..end]).then_some((start, end))
}

/// The secret after a command-line flag.
pub fn flagged(captures: &Captures<'_>, _line: &str) -> Option<(usize, usize)> {
    const METAVARIABLES: &[&str] =
        &["string", "password", "token", "secret", "key", "value", "file", "path", "text", "arg", "pass", "and", "or"];
    let value = captures.name("secret")?;
    let quotes = usize::from(value.as_str().starts_with(['"', '\'']));
    let (start, end) = (value.start() + quotes, value.end() - quotes);
    let text = value.as_str().trim_matches(['"', '\'']);
    let shown = METAVARIABLES.iter().any(|word| text.eq_ignore_ascii_case(word));
    (start < end && !shown && is_secret("", text)).then_some((start, end))
}

/// Where a bare value ends. Passwords have commas and ampersands in them, so these end it only where another
/// assignment or nothing follows.
fn bare_len(value: &str) -> usize {
    let mut end = value.len();
    for (at, _) in value.match_indices([',', ';', '&']) {
        let rest = &value[at + 1..];
        let name = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte)).count();
        if rest.is_empty() || (name > 0 && matches!(rest.as_bytes().get(name), Some(b'=' | b':'))) {
            end = at;
            break;
        }
    }
    let value = &value[..end];
    let closers = |open: char, close: char| !value.contains(open) && value.ends_with(close);
    if closers('(', ')') || closers('[', ']') || closers('{', '}') { end - 1 } else { end }
}

/// Whether only indentation or a list dash stands before the name, as in YAML.
fn begins_line(before: &str) -> bool {
    let word = before.bytes().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte)).count();
    before[..before.len() - word].bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'-'))
}

/// Where a plain YAML value ends: at a comment or the end of the line.
fn yaml_end(line: &str, start: usize) -> usize {
    let rest = &line[start..];
    let end = rest.find(" #").or_else(|| rest.find('\x1b')).unwrap_or(rest.len());
    start + rest[..end].trim_end().len()
}

/// Words that people and files write after `password:` and the like and that are no secrets.
fn is_prose(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "files",
        "file",
        "compat",
        "sss",
        "ldap",
        "nis",
        "db",
        "systemd",
        "winbind",
        "required",
        "optional",
        "expired",
        "invalid",
        "incorrect",
        "missing",
        "unknown",
        "not",
        "is",
        "the",
        "a",
        "an",
        "no",
        "none",
        "for",
        "from",
        "in",
        "has",
        "was",
        "must",
        "cannot",
        "could",
        "failed",
        "wrong",
        "changed",
        "unchanged",
        "ok",
        "enabled",
        "disabled",
        "enter",
        "prompt",
        "default",
        "set",
        "unset",
        "present",
        "absent",
        "empty",
        "valid",
        "all",
        "authentication",
        "error",
        "success",
        "accepted",
        "rejected",
        "denied",
        "string",
        "str",
        "bytes",
        "option",
        "any",
        "object",
        "unexpected",
        "expected",
        "found",
        "created",
        "updated",
        "deleted",
        "rotated",
        "configured",
        "loaded",
    ];
    let word = value.trim_end_matches([',', '.', ';', ':', ')', '!']);
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether a value can be a secret at all.
fn is_secret(key: &str, value: &str) -> bool {
    let value = value.trim();
    let key = key.to_ascii_lowercase();
    let names_nothing =
        ["", "null", "none", "nil", "true", "false", "yes", "no", "undefined", "(none)", "-", "~", "|", ">"];
    if names_nothing.iter().any(|word| value.eq_ignore_ascii_case(word)) || is_placeholder(value) {
        return false;
    }
    let is_short_number = value.len() <= 7 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let counts = key.ends_with("token") || key.trim_start_matches(['_', '.', '-']) == "pass";
    if counts && is_short_number {
        return false;
    }
    // The working directory, and code that says where a secret comes from.
    let is_path = value.starts_with('/') || value.starts_with("~/");
    if key.ends_with("pwd") && is_path {
        return false;
    }
    let calls = value.ends_with("()") || value.starts_with("os.environ") || value.starts_with("process.env");
    !calls
}

/// Something that stands for a secret and is none.
fn is_placeholder(value: &str) -> bool {
    let masked = value.chars().all(|c| "*•.xX#?-".contains(c));
    let wraps = |open: &str, close: &str| value.starts_with(open) && value.ends_with(close);
    let is_variable = value.strip_prefix('$').is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    });
    masked
        || is_variable
        || wraps("${", "}")
        || wraps("{{", "}}")
        || wraps("<", ">")
        || wraps("%(", ")s")
        || ["%s", "%v", "%q", "%d", "{}", "[]"].contains(&value)
        || value.starts_with("[redacted")
        || value.starts_with("[REDACTED")
        || value.eq_ignore_ascii_case("redacted")
}
