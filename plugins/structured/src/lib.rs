//! The log filter `structured`: says of lines what is in them, level and fields, and keeps that beside them.
//!
//! Invariants: no line is changed; a line that says nothing gets nothing; what is kept of a line is bounded in number
//! and size; nothing is carried from one line to another, so there is no state to hand over. The cost of a line that
//! says nothing is a look at its beginning and at its last byte.
//!
//! `json` and `logfmt` read lines that are made for it, `text` finds levels where programs write them, `prefix` knows
//! what else stands there, `level` the words.

mod config;
mod json;
mod level;
mod logfmt;
mod prefix;
mod reader;
mod text;

use std::cell::RefCell;
use std::rc::Rc;

use corral_plugin_sdk::prelude::*;

pub use config::{Config, FIELDS_MAX, Field};
pub use level::Level;
pub use reader::{Facts, Reader};

/// The filter over one stream.
pub struct Structured {
    reader: Rc<Reader>,
}

thread_local! {
    /// The last reader that was built and the configuration it was built from: an instance opens a session for every
    /// stream.
    static READER: RefCell<Option<(String, Rc<Reader>)>> = const { RefCell::new(None) };
}

impl LogFilter for Structured {
    fn open(_stream: &StreamInfo) -> Result<Self> {
        Ok(Self { reader: reader()? })
    }

    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<()> {
        for line in batch {
            let facts = self.reader.look(line.text);
            if let Some(level) = facts.level {
                edits.annotate(line.index, "level", level.as_str());
            }
            for (name, value) in facts.fields {
                edits.annotate(line.index, name, value);
            }
        }
        Ok(())
    }

    fn load(stream: &StreamInfo, _state: &[u8]) -> Result<Self> {
        Self::open(stream)
    }
}

fn reader() -> Result<Rc<Reader>> {
    let text = corral_plugin_sdk::config_text();
    let known = READER
        .with_borrow(|slot| slot.as_ref().filter(|(config, _)| *config == text).map(|(_, reader)| Rc::clone(reader)));
    if let Some(reader) = known {
        return Ok(reader);
    }
    let reader = Rc::new(Reader::new(config::<Config>()?)?);
    READER.set(Some((text, Rc::clone(&reader))));
    Ok(reader)
}

corral_plugin_sdk::export_log_filter!(Structured);
