//! The log filter `redact`: takes secrets out of a job's output before it is stored or shown.
//!
//! Invariants: a line is changed only where a rule matched; what a rule matched never leaves the filter, also where
//! rules overlap; a private key is followed across lines and batches, and for a bounded number of lines. The cost of a
//! line without secrets is one pass of one automaton.

mod assignment;
mod block;
mod config;
mod detector;
mod prefilter;
mod rules;

use std::cell::RefCell;
use std::rc::Rc;

use corral_plugin_sdk::prelude::*;

pub use config::{Config, Pattern};
pub use detector::Detector;
pub use rules::rule_ids;

use block::Block;

/// The filter over one stream.
pub struct Redact {
    detector: Rc<Detector>,
    block: Option<Block>,
}

/// What moves to the next version of the plugin.
#[derive(Serialize, Deserialize)]
struct State {
    version: u32,
    block: Option<Block>,
}

/// Version of [`State`]. A change that an older version could not read needs another number.
const STATE_VERSION: u32 = 1;

thread_local! {
    /// The last detector that was built and the configuration it was built from: an instance opens a session for every
    /// stream, and building costs a millisecond.
    static DETECTOR: RefCell<Option<(String, Rc<Detector>)>> = const { RefCell::new(None) };
}

impl LogFilter for Redact {
    fn open(_stream: &StreamInfo) -> Result<Self> {
        Ok(Self { detector: detector()?, block: None })
    }

    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<()> {
        let mut index = 0;
        while let Some(next) = self.next_suspect(batch, index) {
            let line = batch.line(next);
            if let Some((text, rules)) = self.detector.redact(line.text, &mut self.block) {
                edits.replace(line.index, text);
                if self.detector.annotates() {
                    for rule in rules {
                        edits.annotate(line.index, "redacted", rule);
                    }
                }
            }
            index = next + 1;
        }
        Ok(())
    }

    fn save(&self) -> Vec<u8> {
        serde_json::to_vec(&State { version: STATE_VERSION, block: self.block.clone() }).unwrap_or_default()
    }

    fn load(stream: &StreamInfo, state: &[u8]) -> Result<Self> {
        let state: State = serde_json::from_slice(state)
            .map_err(|error| Error::InvalidInput(format!("the saved state cannot be read: {error}")))?;
        if state.version != STATE_VERSION {
            return Err(Error::InvalidInput(format!("the saved state has the unknown version {}", state.version)));
        }
        Ok(Self { block: state.block, ..Self::open(stream)? })
    }
}

impl Redact {
    /// The next line from `index` on that must be looked at: inside a private key every line, otherwise those that
    /// the prefilter names.
    fn next_suspect(&self, batch: &Batch<'_>, index: usize) -> Option<usize> {
        if index >= batch.len() {
            None
        } else if self.block.is_some() || self.detector.looks_at_every_line() {
            Some(index)
        } else {
            self.detector.next_candidate(batch, index)
        }
    }
}

fn detector() -> Result<Rc<Detector>> {
    let text = corral_plugin_sdk::config_text();
    let known = DETECTOR.with_borrow(|slot| {
        slot.as_ref().filter(|(config, _)| *config == text).map(|(_, detector)| Rc::clone(detector))
    });
    if let Some(detector) = known {
        return Ok(detector);
    }
    let detector = Rc::new(Detector::new(&config::<Config>()?)?);
    DETECTOR.set(Some((text, Rc::clone(&detector))));
    Ok(detector)
}

corral_plugin_sdk::export_log_filter!(Redact);
