//! Lines of many VMs on one terminal, or in one pipe.

use std::io::{self, IsTerminal as _, Write};

use corral_domain::Timestamp;
use serde_json::{Value, json};

use super::output::{Paint, safe, terminal_text};
use super::stream::{Line, Message};

/// Names are padded to the longest, but not beyond this.
const NAME_WIDTH_MAX: usize = 24;

/// How lines are shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// With the time of receipt.
    pub timestamps: bool,
    /// With the VM's name.
    pub prefix: bool,
    /// As JSON objects.
    pub json: bool,
}

/// Prints lines: standard output and standard error of the VMs go to ours.
pub struct Printer {
    names: Vec<String>,
    prefixes: [Vec<String>; 2],
    style: Style,
    /// Whether standard output and standard error are terminals.
    terminal: [bool; 2],
}

impl Printer {
    /// A printer for the VMs of these names.
    pub fn new(names: &[String], style: Style) -> Self {
        let names: Vec<_> = names.iter().map(|name| safe(name)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(NAME_WIDTH_MAX);
        let terminal = [io::stdout().is_terminal(), io::stderr().is_terminal()];
        let prefix = |paint: Paint, is_terminal: bool| {
            let one = |(index, name): (usize, &String)| {
                if is_terminal {
                    format!("{} │ ", paint.name(index, &format!("{name:width$}")))
                } else {
                    format!("{name}: ")
                }
            };
            names.iter().enumerate().map(one).collect::<Vec<_>>()
        };
        let prefixes = [prefix(Paint::stdout(), terminal[0]), prefix(Paint::stderr(), terminal[1])];
        Self { names, prefixes, style, terminal }
    }

    /// Shows what came. An error means that nobody reads our output any more.
    pub fn message(&mut self, message: &Message) -> io::Result<()> {
        match message {
            Message::Lines(index, lines) => self.lines(*index, lines),
            Message::Skipped(index, count) => {
                self.note(*index, &format!("{count} lines skipped: this reader is too slow"))
            }
            Message::Damaged(index, first, count) => {
                self.note(*index, &format!("{count} lines from line {first} are damaged in the store"))
            }
            Message::End | Message::Failed(_) => Ok(()),
        }
    }

    fn lines(&self, index: usize, lines: &[Line]) -> io::Result<()> {
        // A run of lines of one stream is one write.
        for run in lines.chunk_by(|left, right| left.stderr == right.stderr || self.style.json) {
            let to_stderr = run[0].stderr && !self.style.json;
            let mut text = Vec::new();
            for line in run {
                self.line(&mut text, index, line);
            }
            if to_stderr {
                io::stderr().lock().write_all(&text)?;
            } else {
                let mut out = io::stdout().lock();
                out.write_all(&text)?;
                out.flush()?;
            }
        }
        Ok(())
    }

    fn line(&self, text: &mut Vec<u8>, index: usize, line: &Line) {
        if self.style.json {
            text.extend_from_slice(as_json(&self.names[index], line).to_string().as_bytes());
            text.push(b'\n');
            return;
        }
        let stream = usize::from(line.stderr);
        if self.style.prefix {
            text.extend_from_slice(self.prefixes[stream][index].as_bytes());
        }
        if self.style.timestamps {
            text.extend_from_slice(Timestamp::from_millis(line.at).to_string().as_bytes());
            text.push(b' ');
        }
        if self.terminal[stream] {
            text.extend_from_slice(terminal_text(&line.text).as_bytes());
        } else {
            text.extend_from_slice(&line.text);
        }
        // With a prefix every part is a line of its own; without one the parts of a long line are joined again.
        if !line.partial || self.style.prefix || self.style.timestamps {
            text.push(b'\n');
        }
    }

    fn note(&self, index: usize, what: &str) -> io::Result<()> {
        writeln!(io::stderr(), "{}", Paint::stderr().sgr("33", &format!("corral: {}: {what}", self.names[index])))
    }
}

fn as_json(name: &str, line: &Line) -> Value {
    let mut object = json!({
        "type": "line", "vm": name, "n": line.n, "at": Timestamp::from_millis(line.at),
        "stream": if line.stderr { "stderr" } else { "stdout" }, "text": String::from_utf8_lossy(&line.text),
    });
    if line.partial {
        object["partial"] = true.into();
    }
    if let Ok(extras) = serde_json::from_slice::<Value>(&line.extras) {
        object["annotations"] = extras.get("a").cloned().unwrap_or_default();
        object["changed_by"] = extras.get("c").cloned().unwrap_or_default();
    }
    object
}
