//! What must be taken out, in the contexts in which it comes, and what must stay.
//!
//! Secrets are put together at run time from their parts, so that no scanner takes this file for a leak.

use corral_plugin_redact::Redact;
use corral_plugin_sdk::{LogFilter, testing};

/// 36 characters as a token has them.
const X36: &str = "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5";

/// Made-up tokens, each with the rule that knows it.
fn tokens() -> Vec<(String, &'static str)> {
    let jwt = format!("{}.{}.{}", "eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N");
    vec![
        (format!("AKIA{}", "IOSFODNN7EXAMPLE"), "aws-key"),
        (format!("ASIA{}", "QWERTYUIOP234567"), "aws-key"),
        (format!("ghp_{X36}"), "github-token"),
        (format!("ghs_{X36}"), "github-token"),
        (format!("github_pat_{}_{X36}{X36}", "11ABCDEFG0aBcDeFgHiJkL"), "github-token"),
        (format!("glpat-{}", "xY3zAbCdEfGhIjKlMnOp"), "gitlab-token"),
        (format!("xoxb-{}-{}", "123456789012", "AbCdEfGhIjKlMnOpQrStUvWx"), "slack-token"),
        (format!("xapp-1-{}", "A0123456789-0123456789-abcdef"), "slack-token"),
        (jwt, "jwt"),
        (format!("sk_live_{}", "51HG8aBcDeFgHiJkLmNoPqRs"), "provider-key"),
        (format!("AIza{}", "SyA1234567890abcdefghijklmnopqrstuv"), "provider-key"),
        (format!("npm_{X36}"), "provider-key"),
        (format!("sk-{}{X36}", "proj-"), "provider-key"),
        (format!("SG.{}.{X36}", "aBcDeFgHiJkLmNoPqRsTuV"), "provider-key"),
        (format!("hvs.{}", "CAESIJlk3nOpQrStUvWxYz0123456789"), "provider-key"),
        (format!("hf_{X36}"), "provider-key"),
        (format!("dop_v1_{}", "0123456789abcdef".repeat(4)), "provider-key"),
    ]
}

/// Where tokens are seen. `@` is the token.
const CONTEXTS: &[&str] = &[
    "@",
    "using @ for this run",
    "2026-11-21T10:00:00Z INFO client: key=@ region=eu-north-1",
    "{\"level\":\"info\",\"key\":\"@\",\"n\":1}",
    "+ export KEY='@'",
    "fatal: @: permission denied",
    "\u{1b}[32mok\u{1b}[0m @ \u{1b}[1mdone\u{1b}[0m",
    "Grüße, Schlüssel „@“ für Müller",
    "(@), [@] and <@>",
    "curl https://api.example.com/v1?x=@&y=2",
];

/// Lines with something secret that has no shape of its own: `S` stands for it.
const ASSIGNMENTS: &[(&str, &str)] = &[
    ("assignment", "password=S"),
    ("assignment", "PASSWORD=S"),
    ("assignment", "DB_PASSWORD=S host=db-1"),
    ("assignment", "export PGPASSWORD='S'"),
    ("assignment", "export MYSQL_PWD=\"S\""),
    ("assignment", "env DB_PASS=S ./migrate"),
    ("assignment", "passwd: S"),
    ("assignment", "  password: S"),
    ("assignment", "  - password: S # rotate"),
    ("assignment", "spring.datasource.password=S"),
    ("assignment", "{\"password\":\"S\"}"),
    ("assignment", "{\"user\":\"a\", \"clientSecret\" : \"S\", \"n\": 1}"),
    ("assignment", "{'api_key': 'S'}"),
    ("assignment", "body={\\\"token\\\":\\\"S\\\"}"),
    ("assignment", "api-key: S"),
    ("assignment", "X-Api-Key: S"),
    ("assignment", "apiKey=S"),
    ("assignment", "secret_key = S"),
    ("assignment", "AWS_SECRET_ACCESS_KEY=S"),
    ("assignment", "access_token=S&user=joe"),
    ("assignment", "GET /login?token=S HTTP/1.1"),
    ("assignment", "INFO connect(user=joe, password=S)"),
    ("assignment", "config: {host: db, password: S, port: 5432}"),
    ("assignment", "set credentials => \"S\""),
    ("assignment", "Server=db;User Id=sa;Password=S;Encrypt=true"),
    ("assignment", "\u{1b}[36mpassword\u{1b}[0m=\u{1b}[33mS\u{1b}[0m"),
    ("assignment", "--password=S"),
    ("assignment", "passphrase: \"S\""),
    ("assignment", "client_secret: S"),
    ("assignment", "private_key_data=S"),
    ("assignment", "vault_token := \"S\""),
    ("cli-flag", "mysqldump --user root --password S shop"),
    ("cli-flag", "deploy --token S --dry-run"),
    ("cli-flag", "cmd --api-key \"S\""),
    ("cli-flag", "mysql -u root -pS shop"),
    ("cli-flag", "sshpass -p S ssh host"),
    ("cli-flag", "curl -s -u admin:S https://example.com/"),
    ("cli-flag", "docker login -u ci -p S registry.example.com"),
    ("cli-flag", "['tool', '--secret', 'S']"),
    ("authorization", "Authorization: Bearer S"),
    ("authorization", "> authorization: Basic S"),
    ("authorization", "curl -H 'Authorization: token S' https://x"),
    ("authorization", "{\"Authorization\":\"Bearer S\"}"),
    ("authorization", "Proxy-Authorization: Basic S"),
    ("authorization", "headers: {'Authorization': 'Bearer S'}"),
    ("url-credentials", "postgres://app:S@db-1:5432/shop"),
    ("url-credentials", "git clone https://joe:S@git.example.com/x.git"),
    ("url-credentials", "redis://:S@cache-1:6379/0"),
    ("url-credentials", "amqp://user:S@mq/%2f connected"),
    ("cookie", "Set-Cookie: session=S; Path=/; HttpOnly"),
    ("cookie", "Cookie: sid=S"),
];

/// Values that such lines have.
const VALUES: &[&str] = &["hunter2Horse!", "c0rrect-horse_battery", "Zm9vOmJhcg==", "pä55wörd-lang"];

/// Lines that look like it and are none.
const CLEAN: &[&str] = &[
    "",
    "Nov 21 10:00:00 web-1 sshd[811]: Accepted publickey for ops from 192.0.2.7 port 51422 ssh2: ED25519 SHA256:2l0bQ",
    "Failed password for invalid user admin from 203.0.113.9 port 40022 ssh2",
    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9",
    "PasswordAuthentication no",
    "PWD=/home/ops/app",
    "OLDPWD=/srv",
    "passwd:         files systemd",
    "password: ",
    "Password:",
    "Enter password: ********",
    "password=****",
    "DB_PASSWORD=${DB_PASSWORD}",
    "password: {{ vault_password }}",
    "password=<hidden>",
    "\"password\": null,",
    "\"token\": \"\",",
    "token=[redacted:jwt] user=joe",
    "passwordless login enabled",
    "error: invalid token: expired at 10:00",
    "SyntaxError: Unexpected token } in JSON at position 12",
    "token: missing",
    "max_tokens=4096 temperature=0.2",
    "token: 512",
    "tokenizer=bert-base vocabulary=30522",
    "secret: not found",
    "secretName: db-credentials",
    "secret/db-credentials configured",
    "pass: 12 fail: 0",
    "tests: pass=118 fail=0 skip=2",
    "bypass: enabled",
    "password_file=/run/secrets/db",
    "primary_key=4711 foreign_key=12",
    "sort key: created_at",
    "keyboard=us layout=pc105",
    "compass=north",
    "monkey: banana",
    "GET https://shop.example.com:8443/products/7?page=2 200 12ms",
    "GET http://10.0.0.1:8080/a@b 200",
    "mailto:joe@example.com",
    "remote: git@github.com:corral/corral.git",
    "ssh://git@example.com/repo.git",
    "user@host:/path$ ls -la",
    "npm notice created a lockfile as package-lock.json",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "etag: \"33a64df551425fcc55e4d42a148795d9f25f0cd4\"",
    "request-id: 018f2a3b-7c11-7000-8a00-5d2d2f8a1b11",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ops@laptop",
    "authorization: required",
    "401 Unauthorized: authorization header missing",
    "bearer of bad news",
    "the standard bearer authentication scheme was used",
    "cookie policy updated",
    "cookies: 3",
    "accept-encoding: gzip",
    "mysql -u root -p shop",
    "mkdir -p /var/lib/app",
    "ssh -p 2222 ops@web-1",
    "docker run -p 8080:80 nginx",
    "cp -p a b",
    "usage: tool --password PASSWORD --token <token>",
    "      --password string   the password to use",
    "--token-ttl 60",
    "token = next_token()",
    "password = os.environ[\"DB_PASSWORD\"]",
    "risk-assessment-of-the-quarter",
    "task-123456 done",
    "sk-learn 1.5 installed",
    "Grüße aus Köln, alles läuft: 100 %",
    "\u{1b}[32m●\u{1b}[0m nginx.service - A high performance web server",
    "akia is a short word, asia is a continent",
    "eyJ alone is not a token",
    "xoxo, gossip",
    "disk /dev/vda 252G 20G 72G 22% /",
    "checkpoint complete: wrote 812 buffers (5.0%); sync=0.008 s",
    "connection authorized: user=storefront database=shop",
    "client idle for 300 s closed: addr=10.0.3.9:51422",
    "POST /checkout 502 3002ms upstream timed out order=88213",
];

fn filter() -> Redact {
    testing::set_config("{}");
    Redact::open(&testing::stream()).unwrap()
}

fn one(line: &str) -> (String, Vec<String>) {
    let outcome = testing::run(&mut filter(), &[line]).unwrap();
    let line = &outcome.lines[0];
    (line.text.clone(), line.annotations.iter().map(|label| label.value.clone()).collect())
}

#[test]
fn tokens_are_taken_out_of_every_context() {
    let mut count = 0;
    for (token, rule) in tokens() {
        for context in CONTEXTS {
            let (text, rules) = one(&context.replace('@', &token));
            assert!(!text.contains(&token[4..]), "{rule} stayed in `{context}`: {text}");
            assert!(
                rules.iter().any(|found| found == rule || found == "assignment"),
                "{context}: {rules:?} not {rule}"
            );
            count += 1;
        }
    }
    println!("{count} tokens in context");
}

#[test]
fn secrets_of_no_shape_are_known_by_what_stands_before_them() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for (rule, line) in ASSIGNMENTS {
        for value in VALUES {
            let at = position(line);
            let filled = format!("{}{value}{}", &line[..at], &line[at + 1..]);
            let (text, rules) = one(&filled);
            let shown = text.contains(value) || text.contains(&value[value.len() - 5..]);
            if shown || !rules.iter().any(|found| found == rule) {
                wrong.push(format!("{rule}: `{filled}` became `{text}` by {rules:?}"));
            }
            count += 1;
        }
    }
    println!("{count} secrets in context");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where the `S` is that stands for the secret: the last one that no letter is beside.
fn position(line: &str) -> usize {
    let bytes = line.as_bytes();
    let letter = |at: Option<&u8>| at.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let alone = |at: usize| {
        !letter(bytes.get(at + 1))
            && (!letter(at.checked_sub(1).and_then(|at| bytes.get(at)))
                || line[..at].ends_with("[33m")
                || line[..at].ends_with("-p"))
    };
    line.match_indices('S').map(|(at, _)| at).rfind(|at| alone(*at)).expect("an S that stands alone")
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    let changed: Vec<_> =
        CLEAN.iter().map(|line| (line, one(line))).filter(|(line, (text, _))| text != *line).collect();
    println!("{} clean lines", CLEAN.len());
    assert!(changed.is_empty(), "{changed:#?}");
}

#[test]
fn only_the_secret_is_taken_and_the_rest_of_the_line_stays() {
    for (line, expected) in [
        ("access_token=abc123def&user=joe", "access_token=[redacted:assignment]&user=joe"),
        ("INFO connect(user=joe, password=hunter2)", "INFO connect(user=joe, password=[redacted:assignment])"),
        ("Server=db;Password=a,b;c=d", "Server=db;Password=[redacted:assignment];c=d"),
        ("{\"password\":\"a\\\"b\",\"n\":1}", "{\"password\":\"[redacted:assignment]\",\"n\":1}"),
        ("postgres://app:p@ss@db-1/shop", "postgres://app:[redacted:url-credentials]@db-1/shop"),
        ("password: correct horse battery # why", "password: [redacted:assignment] # why"),
        ("Authorization: Basic Zm9v next", "Authorization: Basic [redacted:authorization] next"),
        ("a password=one b password=two c", "a password=[redacted:assignment] b password=[redacted:assignment] c"),
    ] {
        assert_eq!(one(line).0, expected);
    }
}
