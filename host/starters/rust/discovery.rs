//! Finds machines in plain lists: a line each, as in `web-1 10.0.0.11:22 env=prod`.

use corral_plugin_sdk::prelude::*;

/// Where `plugin.toml` mounts the folder.
const FOLDER: &str = "/machines";
const SSH: u16 = 22;

#[derive(Deserialize)]
struct Config {
    /// Which file of the folder has the list.
    file: String,
}

struct Machines;

impl Discovery for Machines {
    fn discover(_cursor: Option<&str>) -> Result<Page> {
        let file = config::<Config>()?.file;
        let path = format!("{FOLDER}/{file}");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Error::Unavailable(format!("{path} cannot be read: {error}")))?;
        let vms = read(&text).map_err(|(line, problem)| Error::InvalidInput(format!("{file}, line {line}: {problem}")))?;
        Ok(Page { vms, next: None })
    }
}

/// All machines of a list, or the first line that is none and why.
fn read(text: &str) -> Result<Vec<FoundVm>, (usize, String)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let machines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    machines.map(|(number, line)| machine(line).map_err(|problem| (number, problem))).collect()
}

fn machine(line: &str) -> Result<FoundVm, String> {
    let mut words = line.split_whitespace();
    let (Some(name), Some(place)) = (words.next(), words.next()) else {
        return Err("a line is a name, an address and labels".into());
    };
    let (address, port) = match place.rsplit_once(':') {
        Some((address, port)) => (address, port.parse().map_err(|_| format!("`{port}` is no port"))?),
        None => (place, SSH),
    };
    let label = |word: &str| {
        let (key, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is no label; write key=value"))?;
        Ok(Label::new(key, value))
    };
    Ok(FoundVm {
        external_id: name.into(),
        name: name.into(),
        address: address.into(),
        port,
        labels: words.map(label).collect::<Result<_, String>>()?,
        ..FoundVm::default()
    })
}

corral_plugin_sdk::export_discovery!(Machines);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_no_machines() {
        let found = read("# fleet\n\nweb-1 10.0.0.11:2222 env=prod\n").unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].address.as_str(), found[0].port), ("10.0.0.11", 2222));
        assert_eq!(found[0].labels, [Label::new("env", "prod")]);
    }

    #[test]
    fn a_bad_line_is_named() {
        assert_eq!(read("a 1.1.1.1\nb 1.1.1.1 x\n").unwrap_err().0, 2);
    }
}
