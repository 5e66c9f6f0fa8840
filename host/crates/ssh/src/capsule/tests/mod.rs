//! The script by real shells: dash, bash, and busybox with nothing but its own applets.

mod cancel;
mod ends;
mod logind;
mod many;
mod order;
mod places;
mod run;
mod support;
mod wire;
