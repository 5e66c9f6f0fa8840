//! The built-in rules: an id, the words without which it cannot match, the patterns, and which part is the secret.
//!
//! Patterns are ASCII where they can be: `(?-u:\b)` and `(?i-u:…)` keep the regex engine on its fast path.

use regex::Captures;

use crate::assignment;
use crate::detector::whole;

/// A rule.
pub struct Rule {
    /// What stands in the line: `[redacted:ID]`.
    pub id: &'static str,
    /// Words of which a match has at least one, in lower case; their case does not matter.
    pub words: &'static [&'static str],
    /// What it looks for.
    pub patterns: &'static [&'static str],
    /// Which bytes of a match are the secret, if it is one.
    pub secret: fn(&Captures<'_>, &str) -> Option<(usize, usize)>,
}

/// Id of the rule that follows private keys across lines.
pub const PRIVATE_KEY: &str = "private-key";

/// How a private key begins.
pub const BEGIN_KEY: &str = r"-{4,5} ?BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)? ?-{4,5}";

/// How it ends.
pub const END_KEY: &str = r"-{4,5} ?END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)? ?-{4,5}";

/// Ids of all built-in rules.
pub fn rule_ids() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.id)
}

/// A rule whose matches are secrets as they are.
const fn plain(id: &'static str, words: &'static [&'static str], patterns: &'static [&'static str]) -> Rule {
    Rule { id, words, patterns, secret: whole }
}

/// All rules; where two match the same bytes, the first one gives the name. The first one is [`PRIVATE_KEY`], which is
/// not found by a pattern over one line.
pub static RULES: &[Rule] = &[
    plain(PRIVATE_KEY, &["private key"], &[]),
    plain("aws-key", &["akia", "asia", "abia", "acca"], &[r"(?-u:\b)(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?-u:\b)"]),
    plain(
        "github-token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        &[r"(?-u:\b)(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{36,255})"],
    ),
    plain(
        "gitlab-token",
        &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-"],
        &[r"(?-u:\b)gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_.-]{20,}"],
    ),
    plain(
        "slack-token",
        &["xox", "xapp-", "hooks.slack.com"],
        &[
            r"(?-u:\b)(?:xox[abceoprs](?:\.xox[bp])?-|xapp-)[A-Za-z0-9-]{10,}",
            r"hooks\.slack\.com/(?:services|workflows|triggers)/(?<secret>[A-Za-z0-9/_-]{20,})",
        ],
    ),
    plain("jwt", &["eyj"], &[r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"]),
    plain(
        "provider-key",
        &[
            "sk_live_",
            "sk_test_",
            "rk_live_",
            "rk_test_",
            "whsec_",
            "aiza",
            "npm_",
            "sk-",
            "sg.",
            "hvs.",
            "hvb.",
            "pypi-",
            "dop_v1_",
            "hf_",
            "dckr_pat_",
            "accountkey=",
            "sharedaccesssignature=",
            "ya29.",
        ],
        &[
            r"(?-u:\b)(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}",
            r"(?-u:\b)AIza[0-9A-Za-z_-]{35}",
            r"(?-u:\b)(?:npm_[A-Za-z0-9]{36}|dop_v1_[a-f0-9]{64}|hf_[A-Za-z0-9]{30,}|dckr_pat_[A-Za-z0-9_-]{20,})",
            r"(?-u:\b)sk-(?:[a-z]{2,10}-)*[A-Za-z0-9_]{20,}[A-Za-z0-9_-]*",
            r"(?-u:\b)SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
            r"(?-u:\b)(?:hv[sb]\.|ya29\.)[A-Za-z0-9_-]{20,}",
            r"(?-u:\b)pypi-[A-Za-z0-9_-]{50,}",
            r"(?i-u:(?:AccountKey|SharedAccessSignature)=)(?<secret>[A-Za-z0-9+/=%&-]{20,})",
        ],
    ),
    plain(
        "authorization",
        &["authorization", "bearer "],
        &[
            r#"(?i-u:authorization)\\*["']?\s*(?::|=>?)\s*\\*["']?(?i-u:bearer|basic|token|apikey|negotiate|ntlm)\s+(?<secret>[^\s"'\\\x1b]+)"#,
            r#"(?i-u:authorization)\\*["']?\s*(?::|=>?)\s*\\*["']?(?i-u:digest|aws4-hmac-sha256)\s+(?<secret>[^\x1b]+)"#,
            r#"(?i-u:authorization)\\*["']?\s*(?::|=>?)\s*\\*["']?(?<secret>[A-Za-z0-9._~+/=-]{20,})"#,
            r"(?-u:\b)(?i-u:bearer)\s+(?<secret>[A-Za-z0-9._~+/=-]*[0-9][A-Za-z0-9._~+/=-]{15,}|[A-Za-z0-9._~+/=-]{15,}[0-9][A-Za-z0-9._~+/=-]*)",
        ],
    ),
    plain(
        "cookie",
        &["cookie:", "cookie\":", "cookie':"],
        &[r#"(?i-u:cookie)\\*["']?:\s*\\*["']?(?<secret>[^\s="'\\]+=[^"'\\]{6,})"#],
    ),
    plain(
        "url-credentials",
        &["@"],
        &[
            r#"(?-u:\b)[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'<>]*:(?<secret>[^\s/"'<>]+)@"#,
            r"(?-u:\b)[A-Za-z][A-Za-z0-9+.-]*://(?<secret>[A-Za-z0-9_-]{24,})@",
        ],
    ),
    Rule { id: "assignment", words: assignment::WORDS, patterns: &[assignment::PATTERN], secret: assignment::assigned },
    Rule {
        id: "cli-flag",
        words: &[
            "--pass", "-pass", "--token", "--secret", "-token", "-secret", "-key", "--pwd", "mysql", "sshpass", "curl",
            "-p ",
        ],
        patterns: &[
            r#"(?-u:\s|^|["'])--?(?i-u:(?:[a-z0-9]+[-_])*(?:password|passwd|passphrase|pass|pwd|secret|token|api[-_]?key|(?:access|secret|private|auth|account)[-_]key))["']?,?\s+(?<secret>"[^"]*"|'[^']*'|[^\s"'<>\[\]|,-][^\s"']*)"#,
            r#"(?-u:\b)sshpass\s+-p\s*(?<secret>"[^"]*"|'[^']*'|[^\s"']+)"#,
            r#"(?-u:\b)mysql[a-z]*\s(?:[^|;&]*?\s)?-p(?<secret>[^\s"']+)"#,
            r#"(?-u:\b)curl\s(?:[^|;&]*?\s)?(?:-u\s*|--user[ =])["']?[^\s:"']+:(?<secret>[^\s"']+)"#,
            r#"(?-u:\b)(?:docker|podman|helm|buildah|skopeo)\s[^|;&]*?login\s(?:[^|;&]*?\s)?-p\s+(?<secret>[^\s"']+)"#,
        ],
        secret: assignment::flagged,
    },
];
