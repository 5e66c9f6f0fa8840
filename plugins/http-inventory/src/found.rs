//! Elements of a list as machines.

use corral_plugin_sdk::{FoundVm, Label};
use serde_json::Value;

use crate::config::{Gateway, Source};
use crate::labels::labels_of;
use crate::template::{Element, Field};

/// Port of a machine that names none.
const PORT: u16 = 22;
/// The longest name, in bytes.
const NAME_MAX: usize = 255;
/// The most hops in a row.
const HOPS_MAX: usize = 8;
/// The most host keys of a machine.
const KEYS_MAX: usize = 16;
/// What is left out is told one by one up to so many on a page.
const MESSAGES_MAX: usize = 20;

/// What a page became.
#[derive(Debug, Default)]
pub struct Taken {
    /// Machines.
    pub vms: Vec<FoundVm>,
    /// Elements, taken or not.
    pub elements: usize,
    /// What the operator is to know.
    pub messages: Vec<String>,
    untold: usize,
}

/// The elements of a page: those of the lists to which `list` leads, and members of the objects. None if it leads nowhere.
pub fn elements<'a>(source: &Source, page: &'a Value) -> Option<Vec<Element<'a>>> {
    let places: Vec<_> = source.list.all(page).into_iter().filter(|place| !place.is_null()).collect();
    let mut found = Vec::new();
    for place in &places {
        match place {
            Value::Array(list) => found.extend(list.iter().map(|value| Element { value, key: None })),
            Value::Object(members) => {
                found.extend(members.iter().map(|(key, value)| Element { value, key: Some(key.as_str()) }));
            }
            _ => return None,
        }
    }
    (!places.is_empty()).then_some(found)
}

/// Machines of the elements that are to be taken.
pub fn machines(source: &Source, elements: &[Element<'_>]) -> Taken {
    let mut taken = Taken { elements: elements.len(), ..Taken::default() };
    for (index, element) in elements.iter().enumerate() {
        if source.only.iter().all(|condition| condition.admits(*element)) {
            match machine(source, *element, &mut taken) {
                Ok(vm) => taken.vms.push(vm),
                Err(problem) => taken.tell(format!("element {} of the page {problem}; left out", index + 1)),
            }
        }
    }
    if taken.untold > 0 {
        taken.messages.push(format!("and {} messages more of this page", taken.untold));
    }
    taken
}

impl Taken {
    fn tell(&mut self, message: String) {
        if self.messages.len() < MESSAGES_MAX {
            self.messages.push(message);
        } else {
            self.untold += 1;
        }
    }
}

fn machine(source: &Source, element: Element<'_>, taken: &mut Taken) -> Result<FoundVm, String> {
    let fields = &source.fields;
    let name = fields.name.text(element).ok_or("has no name: `fields.name` gives no text")?;
    let text = |field: &Option<Field>| field.as_ref().and_then(|field| field.text(element));
    let address = match &fields.address {
        Some(field) => {
            field.text(element).ok_or_else(|| format!("(`{name}`) has no address: `fields.address` gives no text"))?
        }
        None => name.clone(),
    };
    if let Some(odd) = address.chars().find(|c| c.is_whitespace() || c.is_control() || "/@,".contains(*c)) {
        return Err(format!("(`{name}`) has the address `{address}`; `{odd}` is in no address, `|host` takes one out"));
    }
    let port = match text(&fields.port) {
        None => PORT,
        Some(text) => {
            text.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("(`{name}`) has the port `{text}`"))?
        }
    };
    let (labels, too_many) = labels_of(source, element);
    if too_many > 0 {
        taken.tell(format!("{name}: {too_many} of its labels are left out; a machine has at most 64"));
    }
    let several = |field: &Option<Field>, most| {
        let mut texts = field.as_ref().map(|field| field.texts(element)).unwrap_or_default();
        texts.truncate(most);
        texts
    };
    Ok(FoundVm {
        external_id: id_of(source, &text(&fields.id).unwrap_or_else(|| name.clone())),
        name: clean_name(&name),
        address,
        port,
        user: text(&fields.user),
        labels,
        jump: several(&fields.jump, HOPS_MAX).iter().map(|hop| id_of(source, hop)).collect(),
        identity_file: text(&fields.identity_file),
        host_keys: several(&fields.host_keys, KEYS_MAX),
        running: fields.running.as_ref().and_then(|condition| condition.met(element)),
    })
}

/// The machines that the operator described beside the list.
pub fn gateways(source: &Source) -> Vec<FoundVm> {
    let of = |gateway: &Gateway| FoundVm {
        external_id: id_of(source, &gateway.name),
        name: clean_name(&gateway.name),
        address: gateway.address.clone(),
        port: gateway.port.unwrap_or(PORT),
        user: gateway.user.clone(),
        labels: vec![Label::new("source", "http-inventory"), Label::new("inventory", source.name.as_str())],
        identity_file: gateway.identity_file.clone(),
        ..FoundVm::default()
    };
    source.gateways.iter().map(of).collect()
}

fn id_of(source: &Source, id: &str) -> String {
    format!("{}/{id}", source.name)
}

/// A name as the host takes it: one word. People call machines in clouds as they like.
fn clean_name(text: &str) -> String {
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == ',';
    let words: Vec<_> = text.split(odd).filter(|word| !word.is_empty()).collect();
    let name = words.join("-");
    let name = name.trim_start_matches('-');
    name[..name.floor_char_boundary(NAME_MAX)].to_owned()
}
