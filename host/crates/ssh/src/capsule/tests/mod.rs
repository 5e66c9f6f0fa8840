//! The script by real shells: dash, bash, and busybox with nothing but its own applets.

mod ends;
mod run;
mod support;
