//! Running as another account, by the real sudo. It needs root, which alone can make an account to try it with; elsewhere
//! the text that is run is all that can be looked at.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};

use corral_domain::AsUser;

const PASSWORD: &str = "it's a pa55 word";
const MARK: &str = "5f0c6a4e";

/// An account of the test's own, which may become root as `rule` says.
struct Account {
    name: String,
    uid: u32,
    rule: String,
}

impl Account {
    /// None where no account can be made.
    fn new(name: &str, rule: &str) -> Option<Self> {
        let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        if !root {
            return None;
        }
        let name = format!("corral-{name}-{}", std::process::id());
        run(&["useradd", "--create-home", "--shell", "/bin/sh", &name]);
        let mut chpasswd = Command::new("chpasswd").stdin(Stdio::piped()).spawn().unwrap();
        chpasswd.stdin.take().unwrap().write_all(format!("{name}:{PASSWORD}\n").as_bytes()).unwrap();
        assert!(chpasswd.wait().unwrap().success());
        let file = format!("/etc/sudoers.d/{name}");
        fs::write(&file, format!("Defaults:{name} lecture = never\n{name} ALL=(ALL) {rule}ALL\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
        chown(&file, Some(0), Some(0)).unwrap();
        let id = Command::new("id").args(["-u", &name]).output().unwrap().stdout;
        let uid = String::from_utf8(id).unwrap().trim().parse().unwrap();
        Some(Self { name, uid, rule: file })
    }

    /// Runs shell text as a login of this account would, without a terminal.
    fn sh(&self, shell: &str, stdin: Option<Vec<u8>>) -> Output {
        let mut child = Command::new("/bin/sh")
            .args(["-c", shell])
            .uid(self.uid)
            .gid(self.uid)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("CORRAL_TASK", "c00c1e")
            .env("ALSO", "not handed on")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input closes it early.
        let _closed = child.stdin.take().unwrap().write_all(&stdin.unwrap_or_default());
        child.wait_with_output().unwrap()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.rule);
        let _gone = Command::new("userdel").args(["--remove", &self.name]).stderr(Stdio::null()).status();
    }
}

fn run(words: &[&str]) {
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn root(password: Option<&str>) -> AsUser {
    AsUser { user: "root".to_owned(), password: password.map(str::to_owned) }
}

const SCRIPT: &str =
    "printf '%s|' \"$(id -un)\" \"$PWD\" \"$HOME\" \"$#\" \"$CORRAL_TASK\" \"${ALSO-unset}\"; cat; exit 7";
const SAYS: &str = "root|/root|/root|0|c00c1e|unset|two\nlines";

fn says(output: &Output) -> (String, Option<i32>) {
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn with_the_password_the_script_runs_and_its_input_is_what_it_was_given() {
    let Some(account) = Account::new("pw", "") else { return };
    let (shell, stdin) = root(Some(PASSWORD)).elevate(SCRIPT, Some(b"two\nlines"), MARK);
    assert!(!shell.contains("pa55"), "the password is in no argument");
    assert_eq!(says(&account.sh(&shell, stdin)), (SAYS.to_owned(), Some(7)));
    // Without standard input of its own the script sees none, not what was for sudo.
    let (shell, stdin) = root(Some(PASSWORD)).elevate("cat; echo end", None, MARK);
    assert_eq!(says(&account.sh(&shell, stdin)), ("end\n".to_owned(), Some(0)));
}

#[test]
fn where_sudo_does_not_ask_the_password_does_not_reach_the_script() {
    let Some(account) = Account::new("np", "NOPASSWD: ") else { return };
    let (shell, stdin) = root(Some(PASSWORD)).elevate(SCRIPT, Some(b"two\nlines"), MARK);
    assert_eq!(says(&account.sh(&shell, stdin)), (SAYS.to_owned(), Some(7)));
    let (shell, stdin) = root(None).elevate(SCRIPT, Some(b"two\nlines"), MARK);
    assert_eq!(says(&account.sh(&shell, stdin)), (SAYS.to_owned(), Some(7)));
}

#[test]
fn with_a_wrong_password_or_none_nothing_is_run_and_sudo_says_why() {
    let Some(account) = Account::new("no", "") else { return };
    let (shell, stdin) = root(Some("wrong")).elevate("echo ran", Some(b"more\ninput\n"), MARK);
    let output = account.sh(&shell, stdin);
    assert_eq!(says(&output), (String::new(), Some(1)));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("incorrect password"), "{error}");
    assert!(!error.contains("wrong") && !error.contains(MARK), "{error}");
    let (shell, stdin) = root(None).elevate("echo ran", None, MARK);
    let output = account.sh(&shell, stdin);
    assert_eq!(says(&output), (String::new(), Some(1)));
    assert!(String::from_utf8_lossy(&output.stderr).contains("password is required"));
}

#[test]
fn any_script_and_any_account_name_is_one_word() {
    let name = AsUser { user: "a b'c".to_owned(), password: None };
    let (shell, _) = name.elevate("echo 'it'\"s\"\n# comment\ncat <<X\n$HOME\nX", None, MARK);
    // A `sudo` that shows its words stands in for the real one.
    let fake = format!("sudo() {{ printf '[%s]' \"$@\"; }}; {}", shell.replacen("exec ", "", 1));
    let output = Command::new("/bin/sh").args(["-c", &fake]).env("CORRAL_TASK", "x").output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "[-n][-H][-u][a b'c][--][env][CORRAL_TASK=x][/bin/sh][-c]\
         [cd 2>/dev/null || cd /\necho 'it'\"s\"\n# comment\ncat <<X\n$HOME\nX]"
    );
}
