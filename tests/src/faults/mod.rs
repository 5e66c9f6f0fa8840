//! Does to real jobs what the world does to them, and compares what is stored with what was written.
//!
//! Each job writes lines that follow from a seed ([`workload`], [`writer`]) on a machine behind a link that can be cut
//! ([`proxy`], [`machine`]); what the host stored ([`stored`]) is compared with them byte for byte ([`compare`]).
//! Every moment and every kind of fault is drawn from the seed ([`random`]), which is printed first.

pub mod compare;
pub mod keeper;
pub mod machine;
pub mod proxy;
pub mod random;
pub mod stored;
pub mod storm;
pub mod summary;
pub mod timeline;
pub mod verdict;
pub mod workload;
pub mod writer;
