//! All plugins by place and by id.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::slot::{Place, Slot};

/// The plugins.
#[derive(Default)]
pub struct Registry {
    slots: RwLock<BTreeMap<Place, Arc<Slot>>>,
}

impl Registry {
    /// All in the order of their places.
    pub fn all(&self) -> Vec<Arc<Slot>> {
        self.read().values().cloned().collect()
    }

    /// The plugin at a place.
    pub fn at(&self, place: &Place) -> Option<Arc<Slot>> {
        self.read().get(place).cloned()
    }

    /// The plugin with an id.
    pub fn find(&self, id: &str) -> Option<Arc<Slot>> {
        self.read().values().find(|slot| slot.id == id).cloned()
    }

    /// Adds one.
    pub fn insert(&self, slot: Arc<Slot>) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).insert(slot.place.clone(), slot);
    }

    /// Takes one out.
    pub fn remove(&self, place: &Place) -> Option<Arc<Slot>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(place)
    }

    /// `wish`, or the first of `wish-2`, `wish-3`, … that nobody has.
    pub fn free_id(&self, wish: &str) -> String {
        let taken = |id: &str| self.find(id).is_some();
        let numbered = (2..).map(|number| format!("{wish}-{number}"));
        std::iter::once(wish.to_owned()).chain(numbered).find(|id| !taken(id)).unwrap_or_else(|| wish.to_owned())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<Place, Arc<Slot>>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }
}
