//! Where a discovery stands: the cursor between two calls. All of it is in there, so that a call knows nothing of the one
//! before.

use corral_plugin_sdk::prelude::*;

use crate::config::{Config, Source};

/// Most calls of one discovery, with those that only waited. The host follows 200 pages.
const CALLS_MAX: usize = 195;
/// Most machines of all inventories. The host takes 20,000.
const MACHINES_MAX: usize = 20_000;

/// What is to be done next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which inventory.
    pub source: usize,
    /// Which page of it, from 0.
    pub page: usize,
    /// Where that page is.
    pub url: String,
    /// Elements on the pages before, taken or not.
    pub elements: usize,
    /// Machines on the pages before.
    pub machines: usize,
    /// Machines of all inventories.
    pub all_machines: usize,
    /// A checksum of the page before, to see one that comes twice.
    pub checksum: u64,
    /// How often this page was refused for the moment.
    pub refused: u32,
    /// How long to wait before it is asked, in milliseconds.
    pub wait_ms: u64,
    /// How long was waited in all, in milliseconds.
    pub waited_ms: u64,
    /// Calls so far.
    pub calls: usize,
}

impl Step {
    /// The step that a cursor means; none: the first.
    pub fn read(cursor: Option<&str>, config: &Config) -> Result<Self> {
        match cursor {
            None => Ok(Self::default().of_source(0, config)),
            Some(text) => serde_json::from_str(text)
                .map_err(|error| Error::InvalidInput(format!("the cursor is none of this plugin: {error}"))),
        }
    }

    /// As a cursor.
    pub fn write(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::Internal(error.to_string()))
    }

    /// The first page of an inventory.
    pub fn of_source(self, source: usize, config: &Config) -> Self {
        let url = config.sources.get(source).map(Source::first_url).unwrap_or_default();
        let Self { all_machines, waited_ms, calls, .. } = self;
        Self { source, url, all_machines, waited_ms, calls, ..Self::default() }
    }

    /// The next page of the same inventory.
    pub fn of_page(self, url: String, checksum: u64) -> Self {
        Self { page: self.page + 1, url, checksum, refused: 0, wait_ms: 0, ..self }
    }

    /// The same page after a while.
    pub fn after(self, wait_ms: u64) -> Self {
        Self { refused: self.refused + 1, wait_ms, ..self }
    }

    /// Counts what a page held, and refuses to go on without end. What is more than the bounds is an error: half an inventory
    /// would look as if the other half were gone.
    pub fn count(&mut self, elements: usize, machines: usize, source: &Source) -> Result<()> {
        self.elements += elements;
        self.machines += machines;
        self.all_machines += machines;
        if self.machines > source.max_machines {
            let most = source.max_machines;
            return Err(Error::InvalidInput(format!(
                "{}: it has more than {most} machines; choose some by `only` or in its URL, or raise `max_machines`",
                source.name
            )));
        }
        if self.all_machines > MACHINES_MAX {
            return Err(Error::InvalidInput(format!(
                "all inventories together have more than {MACHINES_MAX} machines"
            )));
        }
        Ok(())
    }

    /// Whether another call may follow.
    pub fn check_next(&self, source: &Source) -> Result<()> {
        let advice = "ask for larger pages in its URL, if it knows such a parameter";
        if self.page >= source.max_pages {
            let most = source.max_pages;
            return Err(Error::InvalidInput(format!(
                "{}: it has more than {most} pages; {advice}, or raise `max_pages`",
                source.name
            )));
        }
        if self.calls >= CALLS_MAX {
            return Err(Error::InvalidInput(format!(
                "{}: after {CALLS_MAX} pages and waits of all inventories it is not at its end; {advice}",
                source.name
            )));
        }
        Ok(())
    }
}
