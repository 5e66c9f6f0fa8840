//! Hops in the arguments that Ansible gives to ssh. A command is understood or left out, never run.

use crate::words;

/// What the arguments say about hops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jumps {
    /// Nothing.
    Direct,
    /// Hops, nearest first, as ssh writes them.
    Through(Vec<String>),
    /// A command that cannot be understood.
    Unknown,
}

/// Reads arguments of ssh.
pub fn of_arguments(arguments: &str) -> Jumps {
    let Ok(words) = words::split(arguments, false) else { return Jumps::Unknown };
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let value = |short: &str, words: &mut dyn Iterator<Item = &str>| {
            let rest = word.strip_prefix(short)?;
            if rest.is_empty() { words.next().map(str::to_owned) } else { Some(rest.to_owned()) }
        };
        if word.starts_with("-J") {
            return value("-J", &mut words).map_or(Jumps::Unknown, |hops| through(&hops));
        }
        if word.starts_with("-o") {
            let option = value("-o", &mut words).unwrap_or_default();
            let (name, setting) = option.split_once(['=', ' ']).unwrap_or((&option, ""));
            let setting = setting.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("ProxyJump") {
                return through(setting);
            }
            if name.trim().eq_ignore_ascii_case("ProxyCommand") {
                return of_command(setting);
            }
        }
    }
    Jumps::Direct
}

fn through(hops: &str) -> Jumps {
    if hops.eq_ignore_ascii_case("none") || hops.is_empty() {
        return Jumps::Direct;
    }
    Jumps::Through(hops.split(',').map(|hop| hop.trim().to_owned()).collect())
}

/// `ssh -W %h:%p -q user@bastion` is how one writes a jump where `ProxyJump` is not to be had.
fn of_command(command: &str) -> Jumps {
    if command.eq_ignore_ascii_case("none") {
        return Jumps::Direct;
    }
    let Ok(words) = words::split(command, false) else { return Jumps::Unknown };
    let mut words = words.iter().map(String::as_str).filter(|word| *word != "exec").peekable();
    if !words.next().is_some_and(|program| program == "ssh" || program.ends_with("/ssh")) {
        return Jumps::Unknown;
    }
    let (mut hop, mut port, mut user, mut forwards) = (None, None, None, false);
    while let Some(word) = words.next() {
        match word {
            "-q" | "-x" | "-T" | "-A" => {}
            "-W" => forwards = words.next() == Some("%h:%p"),
            "-p" => port = words.next(),
            "-l" => user = words.next(),
            // These say how one gets onto the hop, not which it is.
            "-o" | "-i" | "-F" => drop(words.next()),
            option if option.starts_with("-o") => {}
            option if option.starts_with('-') => return Jumps::Unknown,
            host if hop.is_none() => hop = Some(host),
            _ => return Jumps::Unknown,
        }
    }
    let Some(host) = hop.filter(|_| forwards) else { return Jumps::Unknown };
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Jumps::Through(vec![format!("{user}{host}{port}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_are_found_in_every_spelling_and_commands_are_left_alone() {
        let through = |hops: &[&str]| Jumps::Through(hops.iter().map(|hop| (*hop).to_owned()).collect());
        for (arguments, expected) in [
            ("-J gate", through(&["gate"])),
            ("-Jops@a:22,b -v", through(&["ops@a:22", "b"])),
            ("-o ProxyJump=gate", through(&["gate"])),
            ("-oProxyJump=gate", through(&["gate"])),
            ("-o StrictHostKeyChecking=no -o 'proxyjump gate'", through(&["gate"])),
            (r#"-o ProxyCommand="ssh -W %h:%p -q ops@gate""#, through(&["ops@gate"])),
            (r#"-o ProxyCommand="ssh -i ~/k -o A=b -p 2222 -l x gate -W %h:%p""#, through(&["x@gate:2222"])),
            (r#"-o ProxyCommand="nc -x proxy %h %p""#, Jumps::Unknown),
            (r#"-o ProxyCommand="ssh gate nc %h %p""#, Jumps::Unknown),
            ("-o ProxyCommand=none", Jumps::Direct),
            ("-o ControlMaster=auto", Jumps::Direct),
            ("-o 'open", Jumps::Unknown),
            ("-J", Jumps::Unknown),
            ("", Jumps::Direct),
        ] {
            assert_eq!(of_arguments(arguments), expected, "{arguments}");
        }
    }
}
