//! Names of hosts as they are written: a port behind, ranges within.

/// The most hosts that one name stands for.
const HOSTS_MAX: usize = 20_000;

/// The names that a pattern stands for, and the port.
pub fn expand(pattern: &str) -> Result<(Vec<String>, Option<u16>), String> {
    let (name, port) = match split_port(pattern) {
        Some((name, port)) if is_address(name) => (name, Some(port)),
        _ => (pattern, None),
    };
    if pattern.trim().ends_with(':') && port.is_none() {
        return Err(format!("`{pattern}` ends in a colon"));
    }
    if pattern.trim() == "---" {
        return Err("`---` begins a YAML file".to_owned());
    }
    let mut names = Vec::new();
    ranges(name, &mut names)?;
    Ok((names, port))
}

/// `name:port`, `[address]:port`
fn split_port(pattern: &str) -> Option<(&str, u16)> {
    let (name, port) = pattern.rsplit_once(':')?;
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok()?;
    if let Some(inner) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'))
        && !inner.contains(['[', ']'])
    {
        return Some((inner, port));
    }
    // Colons may be in ranges only; else it is an address of version 6.
    let mut depth = 0;
    for c in name.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            ':' if depth == 0 => return None,
            _ => {}
        }
    }
    (depth == 0).then_some((name, port))
}

/// Whether it can be the name or address of a host, ranges included.
fn is_address(name: &str) -> bool {
    let mut depth = 0;
    let fits = name.chars().all(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '[' | ']' | ':')
    });
    let labels = !name.starts_with(['-', '.']) && !name.split('.').rev().skip(1).any(str::is_empty);
    fits && depth == 0 && labels
}

/// Expands the first range and then those behind it.
fn ranges(name: &str, found: &mut Vec<String>) -> Result<(), String> {
    let Some((head, rest)) = name.split_once('[') else {
        if found.len() >= HOSTS_MAX {
            return Err(format!("a range stands for more than {HOSTS_MAX} hosts"));
        }
        found.push(name.to_owned());
        return Ok(());
    };
    let (range, tail) = rest.split_once(']').ok_or_else(|| format!("`{name}` has a bracket that is not closed"))?;
    for part in sequence(range)? {
        ranges(&format!("{head}{part}{tail}"), found)?;
    }
    Ok(())
}

/// `a:f`, `01:20:2`
fn sequence(range: &str) -> Result<Vec<String>, String> {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let wrong = |why: &str| Err(format!("the range `[{range}]` {why}"));
    let bounds: Vec<&str> = range.split(':').collect();
    let (first, last, step) = match bounds[..] {
        [first, last] => (first, last, "1"),
        [first, last, step] => (first, last, step),
        _ => return wrong("is not begin:end or begin:end:step"),
    };
    let first = if first.is_empty() { "0" } else { first };
    let Some(step) = step.parse::<usize>().ok().filter(|step| *step > 0) else {
        return wrong("has a step that is no number above 0");
    };
    let letter = |text: &str| if text.len() == 1 { LETTERS.find(text) } else { None };
    if let (Some(first), Some(last)) = (letter(first), letter(last)) {
        if first > last {
            return wrong("begins after its end");
        }
        return Ok(LETTERS[first..=last].chars().step_by(step).map(String::from).collect());
    }
    let width = if first.len() > 1 && first.starts_with('0') { first.len() } else { 0 };
    if width > 0 && width != last.len() {
        return wrong("has a beginning and an end of different lengths");
    }
    match (first.parse::<u32>(), last.parse::<u32>()) {
        (Ok(first), Ok(last)) if (last.saturating_sub(first) as usize) / step <= HOSTS_MAX => {
            Ok((first..=last).step_by(step).map(|number| format!("{number:0width$}")).collect())
        }
        (Ok(_), Ok(_)) => wrong("is too long"),
        _ => wrong("is neither of numbers nor of letters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> Vec<String> {
        expand(pattern).unwrap().0
    }

    #[test]
    fn ranges_are_expanded() {
        assert_eq!(names("web[01:20:9].x"), ["web01.x", "web10.x", "web19.x"]);
        assert_eq!(names("[a:b][1:2]"), ["a1", "a2", "b1", "b2"]);
        assert_eq!(names("n[:2]"), ["n0", "n1", "n2"]);
        for wrong in
            ["a[1]", "a[1:", "a[1:2:3:4]", "a[01:100]", "a[d:a]", "a[1:x]", "a[1:3:0]", "a[0:9999999]", "a:", "---"]
        {
            assert!(expand(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_port_is_cut_off() {
        assert_eq!(expand("h:22").unwrap(), (vec!["h".into()], Some(22)));
        assert_eq!(expand("[2001:db8::1]:22").unwrap(), (vec!["2001:db8::1".into()], Some(22)));
        assert_eq!(expand("2001:db8::1").unwrap(), (vec!["2001:db8::1".into()], None));
        assert_eq!(expand("h[1:2]:22").unwrap(), (vec!["h1".into(), "h2".into()], Some(22)));
    }
}
