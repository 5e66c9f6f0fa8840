//! From one page to the next.

use corral_plugin_sdk::http::Response;
use corral_plugin_sdk::prelude::*;
use serde_json::Value;

use crate::config::{Paging, Source};
use crate::link;
use crate::pointer::{Pointer, text_of};
use crate::step::Step;

/// What comes after a page.
pub enum Next {
    /// Another one.
    Page(Step),
    /// Nothing of this inventory.
    End(Step),
}

impl Source {
    /// Where the first page is.
    pub fn first_url(&self) -> String {
        match &self.paging {
            Some(Paging::Page { parameter, first, .. }) => {
                link::with_parameter(&self.url, parameter, &first.to_string())
            }
            Some(Paging::Offset { parameter, .. }) => link::with_parameter(&self.url, parameter, "0"),
            _ => self.url.clone(),
        }
    }
}

/// What comes after the page that was just read, of which `step` has counted the elements.
pub fn next(source: &Source, step: Step, page: &Value, response: &Response, elements: usize) -> Result<Next> {
    let wrong = |problem: String| Error::InvalidInput(format!("{}: {problem}", source.name));
    let is_last = |total: &Option<Pointer>| {
        let total = total.as_ref().and_then(|total| total.first(page)).and_then(Value::as_u64);
        elements == 0 || total.is_some_and(|total| step.elements as u64 >= total)
    };
    let url = match &source.paging {
        None => None,
        Some(Paging::NextLink { pointer }) => match pointer.first(page).and_then(text_of) {
            None => None,
            Some(reference) => Some(link::next(&step.url, &reference).map_err(wrong)?),
        },
        Some(Paging::LinkHeader) => {
            let headers = response.headers.iter().filter(|(name, _)| name == "link").map(|(_, value)| value.as_str());
            let reference = link::of_headers(headers);
            reference.map(|reference| link::next(&step.url, &reference)).transpose().map_err(wrong)?
        }
        Some(Paging::Page { parameter, first, total }) => {
            let number = (first + step.page + 1).to_string();
            (!is_last(total)).then(|| link::with_parameter(&source.url, parameter, &number))
        }
        Some(Paging::Offset { parameter, total }) => {
            (!is_last(total)).then(|| link::with_parameter(&source.url, parameter, &step.elements.to_string()))
        }
        Some(Paging::Cursor { parameter, pointer }) => {
            let word = pointer.first(page).and_then(text_of).filter(|word| word != "false");
            word.map(|word| link::with_parameter(&source.url, parameter, &word))
        }
    };
    let Some(url) = url else { return Ok(Next::End(step)) };
    let checksum = checksum(&response.body);
    if url == step.url {
        return Err(wrong(format!("page {} names itself as the next one", step.page + 1)));
    }
    if elements > 0 && checksum == step.checksum {
        let number = step.page + 1;
        return Err(wrong(format!(
            "page {number} is the same as the one before; does it know the parameters of `paging`?"
        )));
    }
    Ok(Next::Page(step.of_page(url, checksum)))
}

/// FNV-1a, of 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
